// How things look: elements, numbers, colours. Every text goes in as text, never as markup.

function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...content.filter((each) => each !== null && each !== undefined));
  return element;
}

function draw(tag, attributes = {}, ...content) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

const DASH = "–";
const numberText = (value) => {
  if (value === null || value === undefined) return DASH;
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  return String(Number(value.toPrecision(4)));
};
// A long name is shortened in its middle: names of one experiment often differ at their ends only.
function clipText(text, length) {
  if (text.length <= length) return text;
  const tail = Math.ceil((length - 1) * 0.55);
  return `${text.slice(0, length - 1 - tail)}…${text.slice(text.length - tail)}`;
}
const stateText = (state) => state.replace(/_/g, " ");

function secondsText(value) {
  if (value === null || value === undefined) return DASH;
  if (value < 120) return `${value.toFixed(1)} s`;
  const minutes = Math.floor(value / 60);
  if (minutes < 120) return `${minutes} min ${String(Math.round(value % 60)).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function bytesText(value) {
  let size = value;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (size < 1000) return `${unit === "B" ? size : size.toFixed(1)} ${unit}`;
    size /= 1000;
  }
  return `${size.toFixed(1)} TB`;
}

function inheritedText(row) {
  // "100 %" is said of all only.
  const percent = row.coverage === 1 ? 100 : Math.min(99, Math.round(row.coverage * 100));
  if (row.verdict) return row.coverage === null ? row.verdict : `${row.verdict} ${percent} %`;
  return row.continues ? "goes on" : DASH;
}

let colours = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["back", "panel", "line", "text", "dim", "accent", "exact", "approximate", "fresh", "plain", "running",
    "failed", "lost", "stopped", "star", "grid", "own", "shared", "freed", "ramp0", "ramp1", "ramp2", "ramp3", "ramp4"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const stops = [0, 1, 2, 3, 4].map((i) => colours[`ramp${i}`].match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16)));
  colours.ramp = Array.from({ length: 33 }, (_, i) => {
    const place = (i / 32) * 4, from = Math.min(3, Math.floor(place)), rest = place - from;
    return `rgb(${[0, 1, 2].map((c) => Math.round(stops[from][c] * (1 - rest) + stops[from + 1][c] * rest)).join(",")})`;
  });
}
const rampColour = (share) => colours.ramp[Math.round(share * 32)];

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  readColours();
}

function colourOf(row) {
  const share = shareOf(row);
  if (row.state === "failed") return colours.failed;
  if (row.state === "lost") return colours.lost;
  return share === null ? colours.plain : rampColour(share);
}

// Each state has a shape of its own, so that no state is told by its colour alone.
function mark(context, row, x, y, size) {
  const colour = colourOf(row);
  context.lineWidth = Math.max(1, size / 3);
  context.fillStyle = context.strokeStyle = colour;
  context.beginPath();
  switch (row.state) {
    case "failed":
      context.moveTo(x - size, y - size); context.lineTo(x + size, y + size);
      context.moveTo(x + size, y - size); context.lineTo(x - size, y + size);
      context.stroke();
      return;
    case "stopped_early":
      context.rect(x - size * 0.85, y - size * 0.85, size * 1.7, size * 1.7);
      context.fill();
      return;
    case "lost":
      context.moveTo(x, y - size * 1.2); context.lineTo(x + size * 1.2, y);
      context.lineTo(x, y + size * 1.2); context.lineTo(x - size * 1.2, y);
      context.fill();
      return;
    case "running":
      context.arc(x, y, size, 0, 7);
      context.fillStyle = colours.back; context.strokeStyle = colours.running;
      context.fill(); context.stroke();
      context.beginPath(); context.arc(x, y, size * 0.45, 0, 7); context.fillStyle = colour; context.fill();
      return;
    case "waiting": case "queued":
      context.arc(x, y, size * 0.8, 0, 7);
      context.fillStyle = colours.back; context.fill(); context.stroke();
      return;
    default:
      context.arc(x, y, size, 0, 7);
      context.fill();
  }
}

function star(context, x, y, size) {
  context.beginPath();
  for (let i = 0; i < 10; i += 1) {
    const radius = i % 2 ? size * 0.45 : size, angle = (i * Math.PI) / 5 - Math.PI / 2;
    context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  context.closePath();
  context.fillStyle = colours.star; context.strokeStyle = colours.back; context.lineWidth = 1.5;
  context.stroke(); context.fill();
}

function tipText(row) {
  const { objective } = model.experiment;
  const lines = [`${row.id} · ${stateText(row.state)}`, `${objective} ${numberText(scoreOf(row))}`];
  for (const name of Object.keys(model.experiment.further)) lines.push(`${name} ${numberText((row.metrics || {})[name])}`);
  if (row.parents.length) lines.push(`parents ${row.parents.slice(0, 4).join(", ")}`);
  if (row.verdict || row.continues) lines.push(`inherited: ${inheritedText(row)}`);
  if (row.steps !== undefined) lines.push(row.total === row.steps ? `${row.steps} steps` : `${row.steps} steps, in all ${row.total}`);
  if (row.word) lines.push(row.word);
  if (row.why) lines.push(row.why);
  return lines.join("\n");
}

const tip = document.getElementById("tip");
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 6))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 10) : y + 18}px`;
}
const hideTip = () => { tip.hidden = true; };

// Who inherited from whom: each trial a mark, each line what came over.

const lineage = {
  title: "Lineage", across: "generation", down: "lines",
  build() {
    const isStore = model.experiment.kind === "store";
    const across = [["generation", "generation"], ...(isStore ? [["number", "order of saving"]] : [["total", "steps in all"], ["number", "order of proposal"]])];
    this.chart = new Chart(this.shape());
    const bar = make("div", { class: "bar" },
      choice("across", across, this.across, (value) => { this.across = value; this.chart.reset(); }),
      choice("down", [["lines", "lines of descent"], ["score", model.experiment.objective]], this.down, (value) => { this.down = value; this.chart.reset(); }),
      make("button", { type: "button", onclick: () => this.chart.reset() }, "show all"),
      make("button", { type: "button", onclick: () => this.frame(), title: "The selected trial's, or the best one's, ancestors and descendants" }, "show its line"),
      (this.ramp = make("span", { class: "legend" })),
      ...["exact", "approximate", "fresh"].map((name) => make("span", { class: `legend ${name}` }, `— ${name}`)),
      make("span", { class: "legend" }, isStore ? "★ best" : "● ended ■ stopped early × failed ◉ running ○ waiting ★ best"));
    return [bar, this.chart.element];
  },
  update() {
    const [low, high] = model.scale, sign = model.experiment.direction === "minimize" ? -1 : 1;
    this.ramp.replaceChildren(...[clipText(model.experiment.objective, 24), numberText(sign * low)].map((text) => make("span", {}, text)), make("span", { class: "ramp" }), make("span", {}, numberText(sign * high)));
    this.ramp.hidden = !model.rows.some((row) => scoreOf(row) !== null);
    this.chart.ask();
  },
  place(row) {
    const index = model.order.get(row.id);
    const [generations, lines, packed] = model.layout, isPacked = this.across === "generation";
    const x = isPacked ? generations[index] : row[this.across] || 0;
    return [x, this.down === "lines" ? -(isPacked ? packed : lines)[index] : scoreOf(row)];
  },
  places() {
    const places = model.rows.map((row) => this.place(row));
    const scores = places.map((place) => place[1]).filter((y) => y !== null);
    const low = scores.reduce((a, b) => Math.min(a, b), Infinity);
    // Trials without a score stand at the lower edge, where they are seen and claim nothing.
    return places.map(([x, y]) => [x, y === null ? (Number.isFinite(low) ? low : 0) : y]);
  },
  frame() {
    const id = model.selected || bestId();
    if (!id) return;
    const kin = relatives(id), places = this.places().filter((_, index) => kin.has(model.rows[index].id));
    this.chart.zoom = padded(boundsOf(places), 0.08);
    this.chart.ask();
  },
  shape() {
    return {
      label: "Lineage. Arrow keys go to parent, child and siblings; Enter opens the trial.",
      isWhole: true, padding: 0.03,
      emptyText: () => (model.experiment.kind === "store" ? "The store holds no checkpoint yet." : "No trial has been proposed yet."),
      xTitle: () => ({ generation: "generation (children between a trial and its founder)", total: "training steps, the ancestors' among them", number: "order" })[this.across],
      yTitle: () => model.experiment.objective,
      hasYTicks: () => this.down === "score",
      bounds: () => (model.rows.length ? boundsOf(this.places()) : null),
      paint: (context, chart) => this.paint(context, chart),
      near: (x, y, chart) => nearest(this.pixels, x, y, 14),
      tip: tipText,
      choose: (row) => select(row.id),
      key: (event) => walk(event.key),
    };
  },
  paint(context, chart) {
    const places = this.places();
    this.pixels = places.map(([x, y]) => [chart.x(x), chart.y(y)]);
    const bounds = chart.bounds(), rowHeight = this.down === "lines" ? chart.height / (bounds[3] - bounds[2]) : 9;
    const size = Math.max(1.7, Math.min(6.5, rowHeight * 0.36));
    this.edges(context, size);
    const order = model.rows.map((_, index) => index).sort((a, b) => (shareOf(model.rows[a]) || 0) - (shareOf(model.rows[b]) || 0));
    for (const index of order) {
      const row = model.rows[index], [x, y] = this.pixels[index];
      if (x < -20 || y < -20 || x > chart.left + chart.width + 20 || y > chart.top + chart.height + 20) continue;
      context.globalAlpha = model.marked && !model.marked.has(row.id) ? (this.isMany() ? 0.12 : 0.3) : 1;
      mark(context, row, x, y, size);
    }
    context.globalAlpha = 1;
    const spots = [...model.best].slice(0, 200).map((id) => this.pixels[model.order.get(id)]).filter(Boolean);
    spots.forEach(([x, y]) => star(context, x, y, Math.max(6, size * 1.5)));
    this.ring(context, size);
    this.labels(context, chart, rowHeight, size);
  },
  // Thousands of faint lines are no longer faint, and hide the one that is looked at.
  isMany: () => model.rows.length > 800,
  // Trials without a score have no place among scores: of many, lines to the lower edge would hide all else.
  isLedTo(row) { return this.down === "lines" || scoreOf(row) !== null || !this.isMany() || (model.marked !== null && model.marked.has(row.id)); },
  edges(context, size) {
    const groups = new Map();
    model.rows.forEach((row, index) => {
      if (!this.isLedTo(row)) return;
      row.parents.forEach((parent, which) => {
        const from = model.order.get(parent);
        if (from === undefined) return;
        const isFaded = model.marked && !(model.marked.has(row.id) && model.marked.has(parent));
        const kind = which ? "plain" : row.verdict || "plain";
        const name = `${kind} ${which ? "dashed" : ""} ${isFaded ? "faded" : ""}`;
        if (!groups.has(name)) groups.set(name, { kind, isDashed: which > 0, isFaded, lines: [] });
        groups.get(name).lines.push([this.pixels[from], this.pixels[index]]);
      });
    });
    const isMany = this.isMany();
    for (const { kind, isDashed, isFaded, lines } of groups.values()) {
      context.beginPath();
      for (const [[x0, y0], [x1, y1]] of lines) {
        context.moveTo(x0, y0);
        if (this.down === "lines") {
          const bend = Math.min(x1, x0 + Math.max(3, Math.min(24, (x1 - x0) * 0.5)));
          if (y0 !== y1) { context.lineTo(x0 + (bend - x0) * 0.3, y0); context.lineTo(bend, y1); }
        }
        context.lineTo(x1, y1);
      }
      context.strokeStyle = colours[kind] || colours.plain;
      context.globalAlpha = (isFaded ? (isMany ? 0.07 : 0.25) : 0.75) * (isMany && !model.marked ? 0.55 : 1);
      context.lineWidth = isMany ? 0.8 : Math.max(1, Math.min(2, size / 3));
      context.setLineDash(isDashed ? [3, 3] : []);
      context.stroke();
    }
    context.setLineDash([]); context.globalAlpha = 1;
  },
  ring(context, size) {
    const at = model.selected && this.pixels[model.order.get(model.selected)];
    if (!at) return;
    context.beginPath(); context.arc(at[0], at[1], size + 5, 0, 7);
    context.strokeStyle = colours.accent; context.lineWidth = 2.5; context.stroke();
  },
  labels(context, chart, rowHeight, size) {
    context.font = "11px system-ui, 'DejaVu Sans', sans-serif"; context.textAlign = "left"; context.textBaseline = "middle";
    const taken = new Taken();
    this.pixels.forEach(([x, y]) => { if (rowHeight > 9) taken.add(x - size - 1, y - size - 1, x + size + 1, y + size + 1); });
    const wanted = [model.selected, ...model.best].filter((id) => id && model.order.has(id)).map((id) => model.order.get(id));
    const others = rowHeight >= 12 && this.down === "lines" ? model.rows.map((_, index) => index) : [];
    for (const index of [...wanted, ...others]) {
      const row = model.rows[index], [x, y] = this.pixels[index];
      if (x < 0 || y < 0 || x > chart.left + chart.width || y > chart.top + chart.height) continue;
      const score = scoreOf(row), name = clipText(row.id, 28), text = score === null ? name : `${name}  ${numberText(score)}`;
      const width = context.measureText(text).width, isRight = x + size + 6 + width < chart.left + chart.width + 14;
      // Above the line that goes on to the child, where there is room for that.
      const from = isRight ? x + size + 3 : x - size - 3 - width, at = rowHeight >= 22 ? y - size - 5 : y;
      if (!taken.fits(from, at - 6, from + width, at + 6)) continue;
      taken.add(from, at - 6, from + width, at + 6);
      context.fillStyle = colours.back; context.fillRect(from - 1, at - 6, width + 2, 12);
      context.fillStyle = colours.text; context.fillText(text, from, at);
    }
  },
};

// Which parts of a picture hold something already; by coarse squares, so that thousands cost little.
class Taken {
  constructor() { this.squares = new Map(); }
  *keys(x0, y0, x1, y1) {
    for (let x = Math.floor(x0 / 40); x <= Math.floor(x1 / 40); x += 1) for (let y = Math.floor(y0 / 16); y <= Math.floor(y1 / 16); y += 1) yield `${x} ${y}`;
  }
  add(...box) { for (const key of this.keys(...box)) { if (!this.squares.has(key)) this.squares.set(key, []); this.squares.get(key).push(box); } }
  fits(x0, y0, x1, y1) {
    for (const key of this.keys(x0, y0, x1, y1)) for (const [a0, b0, a1, b1] of this.squares.get(key) || []) if (a0 < x1 && x0 < a1 && b0 < y1 && y0 < b1) return false;
    return true;
  }
}

function boundsOf(places) {
  const bounds = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of places) {
    bounds[0] = Math.min(bounds[0], x); bounds[1] = Math.max(bounds[1], x);
    bounds[2] = Math.min(bounds[2], y); bounds[3] = Math.max(bounds[3], y);
  }
  return bounds;
}

function nearest(pixels, x, y, within) {
  let found = null, least = within * within;
  (pixels || []).forEach((at, index) => {
    if (!at) return;
    const distance = (at[0] - x) ** 2 + (at[1] - y) ** 2;
    if (distance < least) { least = distance; found = model.rows[index]; }
  });
  return found;
}

// Arrow keys: left to the parent, right to the first child, up and down among siblings.
function walk(key) {
  const row = model.byId.get(model.selected);
  if (key === "Enter" || key === " ") { if (row) openDetail(row.id, { isFocused: true }); return Boolean(row); }
  if (!key.startsWith("Arrow")) return false;
  if (!row) { const first = bestId() || (model.rows[0] || {}).id; if (first) select(first); return true; }
  let next = null;
  if (key === "ArrowLeft") next = row.parents[0];
  else if (key === "ArrowRight") next = (model.children.get(row.id) || [])[0];
  else {
    const known = row.parents[0] !== undefined && model.byId.has(row.parents[0]);
    const siblings = known ? model.children.get(row.parents[0]) : model.rows.filter((each) => !each.parents.length).map((each) => each.id);
    next = siblings[siblings.indexOf(row.id) + (key === "ArrowDown" ? 1 : -1)];
  }
  if (next && model.byId.has(next)) select(next);
  return true;
}

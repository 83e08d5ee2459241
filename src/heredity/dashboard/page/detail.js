// One trial, all that is known of it: facts, curves, plan, attempts, error, log.

const panel = document.getElementById("detail");

async function openDetail(id, { isFocused = false } = {}) {
  const row = model.byId.get(id);
  if (!row) return;
  panel.hidden = false;
  const isSame = panel.dataset.id === id, scroll = isSame ? panel.scrollTop : 0;
  panel.dataset.id = id;
  if (!isSame) panel.replaceChildren(...head(row), facts(row), make("p", { class: "dim" }, "reading …"));
  if (isFocused) panel.focus();
  let detail = null, problem = "";
  try { detail = await detailOf(id); } catch (error) { problem = error.message; }
  if (panel.dataset.id !== id || panel.hidden) return;
  const open = new Set([...panel.querySelectorAll("details[open]")].map((each) => each.dataset.name));
  const parts = detail ? sections(row, detail) : [make("p", { class: problem ? "failed" : "dim" }, problem || "This report holds no plan and no log of this trial: heredity show has them.")];
  panel.replaceChildren(...head(row), facts(row), ...parts.filter(Boolean));
  if (isSame) for (const each of panel.querySelectorAll("details")) each.open = open.has(each.dataset.name) || (each.open && !open.size);
  panel.scrollTop = scroll;
}

function closeDetail() {
  panel.hidden = true;
  panel.dataset.id = "";
}

function head(row) {
  return [make("div", { class: "head" }, make("h2", {}, row.id), make("span", { class: `chip ${row.state}` }, stateText(row.state)),
    make("button", { type: "button", "aria-label": "Close", title: "Close (Esc)", onclick: closeDetail }, "×"))];
}

function links(ids) {
  const known = ids.slice(0, 40).map((id) => (model.byId.has(id) ? make("button", { type: "button", onclick: () => select(id, { isOpened: true }) }, id) : make("span", {}, id)));
  return make("span", { class: "links" }, ...known, ids.length > 40 ? `and ${ids.length - 40} more` : "");
}

function list(pairs) {
  return make("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value.textContent !== "").flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function facts(row) {
  const { experiment } = model, score = scoreOf(row), isStore = experiment.kind === "store", children = model.children.get(row.id) || [];
  return list([
    [clipText(experiment.objective, 40), make("strong", {}, numberText(score), row.score === null && score !== null ? " so far" : "", model.best.has(row.id) ? " ★ best" : "")],
    ...Object.keys(experiment.further).map((name) => [`${name} (${experiment.further[name]})`, numberText((row.metrics || {})[name])]),
    ["why", row.why ? make("span", { class: row.state }, row.why) : ""],
    ["inherited", row.verdict || row.continues ? make("span", { class: row.verdict || "" }, inheritedText(row)) : ""],
    ["parents", row.parents.length ? links(row.parents) : "none: a founder"],
    ["was to have", row.lost_parents && row.lost_parents.length ? links(row.lost_parents) : ""],
    ["children", children.length ? links(children) : ""],
    ["twin of", row.twin_of ? links([row.twin_of]) : ""],
    ["its twin", links(model.rows.filter((each) => each.twin_of === row.id).map((each) => each.id))],
    ["steps", isStore ? "" : `${row.steps}${row.asked === null ? "" : ` of ${row.asked}`}${row.total === row.steps ? "" : `, with the ancestors' ${row.total}`}`],
    ["time", isStore ? "" : row.seconds === null ? "" : secondsText(row.seconds)],
    ["started", row.started ? new Date(row.started * 1000).toLocaleString() : ""],
    ["strategy's word", row.word],
  ]);
}

function section(name, title, content, isOpen = true) {
  return make("details", { open: isOpen, "data-name": name }, make("summary", {}, make("h3", {}, title)), ...[content].flat());
}

function sections(row, detail) {
  const pairs = (name) => detail[name] || [];
  return [
    pairs("parameters").length ? section("parameters", "hyperparameters", list(pairs("parameters"))) : null,
    detail.problem ? make("p", { class: "failed" }, detail.problem) : null,
    planSection(detail),
    pairs("summary").length ? section("summary", "certificate, in short", list(pairs("summary").filter(([, value]) => value !== '""' && value !== "" && value !== "null")), false) : null,
    ...(detail.cells || []).map((cell) => section(`cell ${cell.name}`, `cell ${cell.name}`, cellGraph(cell))),
    curveSection(row, detail),
    pairs("metrics").length ? section("metrics", "measured at the end", list(pairs("metrics"))) : null,
    pairs("resources").length ? section("resources", "resources", list(pairs("resources").map(([n, v]) => [n, n.endsWith("_bytes") ? bytesText(Number(v)) : v])), false) : null,
    pairs("attempts").length > 1 ? section("attempts", `${detail.attempts.length} attempts`, attemptsTable(detail.attempts)) : null,
    pairs("metadata").length ? section("metadata", "metadata", list(pairs("metadata"))) : null,
    detail.error ? section("error", "error", make("pre", { tabindex: 0 }, detail.error)) : null,
    logSection(detail.log),
    pairs("tensors").length ? section("tensors", `${detail.tensors.length} tensors`, table(["tensor", "dtype", "shape", "lies with"], detail.tensors.map((each) => [...each.slice(0, 3), each[3] || "itself"])), false) : null,
  ];
}

function table(titles, rows, classOf = () => "") {
  const body = rows.slice(0, 2000).map((row) => make("tr", {}, ...row.map((cell, index) => make("td", { class: classOf(row, index) }, String(cell ?? DASH)))));
  return make("div", { class: "scroll", tabindex: 0 }, make("table", {}, make("thead", {}, make("tr", {}, ...titles.map((each) => make("th", { scope: "col" }, each)))), make("tbody", {}, ...body)));
}

function planSection(detail) {
  const rows = detail.plan || [];
  if (!rows.length) return detail.is_heir && !detail.problem ? section("plan", "plan and certificate", make("p", { class: "dim" }, "No plan lies beside its weights; trial.save(…, inherited=…) keeps it there. The log tells what came over, tensor by tensor.")) : null;
  const counts = ["exact", "approximate", "fresh"].map((verdict) => [verdict, rows.filter((row) => row[1] === verdict).length]).filter(([, count]) => count);
  const summary = make("p", {}, ...counts.map(([verdict, count]) => make("span", { class: verdict }, `${count} ${verdict}  `)));
  return section("plan", `plan and certificate, ${rows.length} tensors`, [summary, table(["tensor", "verdict", "from", "how", "reason"], rows, (row, index) => (index === 1 ? row[1] : ""))]);
}

function attemptsTable(attempts) {
  return table(["attempt", "began", "reached", "time", "end"], attempts.map((each) => [each.attempt, each.began.join("; ") || "from nothing", each.last_step === null ? DASH : `step ${each.last_step}`, each.ended_at === null ? DASH : secondsText(each.ended_at - each.started_at), each.ended]));
}

function logSection(log) {
  if (!log || (log.problem && !log.lines.length)) return null;
  const left = log.left_out ? make("p", { class: "dim" }, `${bytesText(log.left_out)} before this are left out`) : null;
  const text = log.lines.length ? make("pre", { tabindex: 0 }, log.lines.join("\n")) : make("p", { class: "dim" }, "It is empty.");
  const part = section("log", `log ${log.file}`, [left, text].filter(Boolean));
  requestAnimationFrame(() => { const pre = part.querySelector("pre"); if (pre) pre.scrollTop = pre.scrollHeight; });
  return part;
}

function curveSection(row, detail) {
  const series = [[model.experiment.objective, row.curve || []], ...Object.entries(detail.curves || {})].filter(([, points]) => points.filter((p) => p[1] !== null).length > 1);
  if (!series.length) return null;
  let [name, points] = series[0];
  const shown = () => points.filter((point) => point[1] !== null);
  const chart = new Chart({
    label: "What the trial reported", emptyText: () => "nothing", hasYTicks: () => true, xTitle: () => "its own steps", yTitle: () => name,
    bounds: () => boundsOf(shown()), near: () => null, tip: () => "", choose: () => {},
    paint: (context, chart_) => {
      context.strokeStyle = context.fillStyle = colours.accent; context.lineWidth = 2; context.lineJoin = "round";
      const places = shown().map(([x, y]) => [chart_.x(x), chart_.y(y)]);
      context.beginPath(); places.forEach((at, i) => (i ? context.lineTo(...at) : context.moveTo(...at))); context.stroke();
      if (places.length < 40) for (const at of places) { context.beginPath(); context.arc(...at, 2.5, 0, 7); context.fill(); }
    },
  });
  chart.element.classList.add("small");
  const pick = series.length > 1 ? choice("of", series.map(([each]) => [each, clipText(each, 40)]), name, (value) => { [name, points] = series.find(([each]) => each === value); chart.reset(); }) : null;
  return section("curve", "reports", [pick, chart.element].filter(Boolean));
}

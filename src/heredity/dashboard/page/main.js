// Ties all together: tabs, keys, selection, the theme, and asking for what is new.

const views = { lineage, curves, cost, storage, cells, trials };
let current = "lineage";

const KEYS = [["1 … 6", "the views"], ["← →", "to the parent, to the first child"], ["↑ ↓", "among siblings; in a table, among rows"],
  ["Enter", "open the selected trial"], ["Esc", "close it; then select nothing"], ["b", "the best trial"], ["f", "filter the table"],
  ["+ − 0", "zoom in, out, show all (also the wheel; drag to move; Shift or Alt for one direction)"], ["d", "light or dark"], ["?", "these keys"]];

function buildViews() {
  const [nav, place] = [document.querySelector("nav"), document.getElementById("views")];
  for (const [name, view] of Object.entries(views)) {
    const title = name === "trials" && model.experiment.kind === "store" ? "Checkpoints" : view.title;
    view.tab = make("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `view-${name}`, onclick: () => show(name) }, title);
    view.element = make("section", { class: "view", role: "tabpanel", id: `view-${name}`, "aria-labelledby": `tab-${name}`, hidden: true }, ...view.build());
    nav.append(view.tab); place.append(view.element);
  }
  if (model.experiment.kind === "store") for (const name of ["curves", "cost"]) views[name].tab.hidden = true;
  nav.addEventListener("keydown", (event) => {
    const names = Object.keys(views).filter((name) => !views[name].tab.hidden), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    show(names[(names.indexOf(current) + step + names.length) % names.length]);
    views[current].tab.focus();
  });
}

function show(name) {
  current = name;
  for (const [each, view] of Object.entries(views)) {
    view.element.hidden = each !== name;
    view.tab.setAttribute("aria-selected", String(each === name));
    view.tab.tabIndex = each === name ? 0 : -1;
  }
  hideTip(); note();
  views[name].update();
}

function note() {
  history.replaceState(null, "", `#${current}${model.selected ? `/${encodeURIComponent(model.selected)}` : ""}`);
}

function select(id, { isOpened = true, isFocused = false } = {}) {
  model.selected = id;
  model.marked = id ? relatives(id) : null;
  if (id) {
    const row = model.byId.get(id);
    document.getElementById("said").textContent = `${id}, ${stateText(row.state)}, ${model.experiment.objective} ${numberText(scoreOf(row))}`;
    if (current === "lineage") lineage.chart.reveal(...lineage.places()[model.order.get(id)]);
    if (isOpened) openDetail(id, { isFocused });
  } else closeDetail();
  note();
  views[current].update();
}

function showHead() {
  const { experiment } = model, counts = {};
  for (const row of model.rows) counts[row.state] = (counts[row.state] || 0) + 1;
  document.title = `${experiment.name} – Heredity`;
  const name = document.getElementById("name");
  name.textContent = experiment.name; name.title = experiment.place;
  const items = Object.entries(counts).map(([state, count]) => make("li", { class: state }, `${count} ${stateText(state)}`));
  document.getElementById("counts").replaceChildren(...items, ...(experiment.wanted ? [make("li", { class: "dim" }, `of ${experiment.wanted}`)] : []));
  const liveness = document.getElementById("liveness");
  liveness.textContent = !isLive ? `as of ${embedded.made}` : experiment.kind === "store" ? "store" : experiment.is_over ? "finished" : experiment.is_driven ? "● running" : "no driver runs on this machine";
  liveness.className = `chip ${experiment.is_driven && !experiment.is_over && isLive && experiment.kind !== "store" ? "running" : "dim"}`;
  const best = model.byId.get(bestId()), button = document.getElementById("to-best");
  button.hidden = !best;
  if (best) button.textContent = model.best.size > 1 ? `★ front of ${model.best.size}` : `★ ${clipText(best.id, 24)} ${numberText(best.score)}`;
  views.cells.tab.hidden = !cells.owners().length;
}

function takeAndShow(answer) {
  if (!takeFacts(answer)) return;
  showHead();
  if (model.selected && !model.byId.has(model.selected)) { select(null); return; }
  views[current].update();
  const open = panel.dataset.id;
  if (!panel.hidden && open && isLive && answer.rows.some((row) => row.id === open)) openDetail(open);
}

function toggleTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("heredity-theme", theme); } catch { /* a file opened without storage: for this page only */ }
  setTheme(theme);
  views[current].update();
  if (!panel.hidden) openDetail(panel.dataset.id);
}

function toggleKeys() {
  const dialog = document.getElementById("keys");
  if (dialog.open) { dialog.close(); return; }
  dialog.replaceChildren(make("h2", {}, "Keys"), make("table", {}, make("tbody", {}, ...KEYS.map(([key, what]) => make("tr", {}, make("td", {}, key), make("td", {}, what))))), make("form", { method: "dialog" }, make("button", {}, "close")));
  dialog.showModal();
}

function whenKeyIsPressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !document.getElementById("keys").open) {
    if (event.target.tagName === "INPUT") event.target.blur();
    else if (!panel.hidden) { closeDetail(); focusView(); } else if (model.selected) select(null);
    return;
  }
  if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) return;
  const names = Object.keys(views).filter((name) => !views[name].tab.hidden);
  if (/^[1-6]$/.test(event.key) && names[event.key - 1]) { show(names[event.key - 1]); focusView(); }
  else if (event.key === "d") toggleTheme();
  else if (event.key === "?") toggleKeys();
  else if (event.key === "b" && model.best.size) select(bestId());
  else if (event.key === "f") { show("trials"); document.getElementById("filter").focus(); } else return;
  event.preventDefault();
}

function focusView() {
  const inside = views[current].element.querySelector("canvas, .grid, .cells");
  if (inside) inside.focus();
}

async function poll() {
  let wait = 5000;
  const problem = document.getElementById("problem");
  if (!document.hidden) {
    try {
      takeAndShow(await ask(`facts?since=${model.cursor}&session=${encodeURIComponent(model.session)}`));
      problem.hidden = true;
      if (model.experiment.is_driven && !model.experiment.is_over && model.experiment.kind !== "store") wait = 1000;
      if (current === "storage") views.storage.update();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = `What is shown may be old: ${error.message}.`;
    }
  }
  setTimeout(poll, wait);
}

async function lookForCells() {
  try {
    storage.facts = await storageFacts(); storage.askedAt = Date.now();
    for (const id of storage.facts.cells || []) model.cells.add(id);
    showHead();
    if (current === "storage" || current === "cells") views[current].update();
  } catch { /* the storage view tells it when it is looked at */ }
}

async function begin() {
  let theme = null;
  try { theme = localStorage.getItem("heredity-theme"); } catch { /* no storage: the system's choice */ }
  setTheme(theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  const first = isLive ? await ask("facts?since=0") : embedded.facts;
  takeFacts(first);
  buildViews();
  const [name, id] = location.hash.slice(1).split("/").map(decodeURIComponent);
  showHead();
  show(views[name] && !views[name].tab.hidden ? name : "lineage");
  if (id && model.byId.has(id)) select(id);
  document.getElementById("theme").addEventListener("click", toggleTheme);
  document.getElementById("help").addEventListener("click", toggleKeys);
  document.getElementById("to-best").addEventListener("click", () => select(bestId()));
  document.addEventListener("keydown", whenKeyIsPressed);
  document.addEventListener("visibilitychange", () => views[current].update());
  document.body.dataset.ready = "yes";
  lookForCells();
  if (isLive) setTimeout(poll, 1000);
}

begin().catch((error) => {
  const problem = document.getElementById("problem");
  problem.hidden = false;
  problem.textContent = `Nothing can be shown: ${error.message}`;
});

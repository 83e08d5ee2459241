// What is known: rows by name, their layout, what is selected; and where it comes from.
"use strict";

const model = {
  rows: [], byId: new Map(), children: new Map(), order: new Map(), layout: [[], [], []],
  experiment: { kind: "experiment", name: "", objective: "score", direction: "maximize", further: {} },
  best: new Set(), selected: null, session: "", cursor: 0, scale: [0, 1], cells: new Set(), marked: null,
};
const embedded = JSON.parse(document.getElementById("embedded").textContent);

function takeFacts(facts) {
  if (facts.is_whole) { model.rows = []; model.byId.clear(); }
  for (const row of facts.rows) {
    const known = model.byId.get(row.id);
    if (known) Object.assign(known, row);
    else { model.byId.set(row.id, row); model.rows.push(row); }
  }
  const isChanged = facts.rows.length > 0 || facts.is_whole || Boolean(facts.layout);
  if (isChanged) model.rows.sort((one, other) => one.number - other.number);
  if (facts.layout) model.layout = facts.layout;
  const before = JSON.stringify(model.experiment);
  model.experiment = facts.experiment;
  model.best = new Set(facts.best);
  model.session = facts.session;
  model.cursor = facts.cursor;
  if (isChanged) derive();
  return isChanged || before !== JSON.stringify(model.experiment);
}

function derive() {
  model.children = new Map();
  model.rows.forEach((row, index) => {
    model.order.set(row.id, index);
    for (const parent of row.parents) {
      if (!model.children.has(parent)) model.children.set(parent, []);
      model.children.get(parent).push(row.id);
    }
  });
  // From the twentieth part upwards: one bad score must not make all others look alike.
  const merits = model.rows.map(meritOf).filter((merit) => merit !== null).sort((a, b) => a - b);
  const low = merits[Math.floor(merits.length * 0.05)], high = merits[merits.length - 1];
  model.scale = merits.length ? [low, high > low ? high : low + 1e-9] : [0, 1];
  model.marked = model.selected && model.byId.has(model.selected) ? relatives(model.selected) : null;
}

function scoreOf(row) {
  if (row.score !== null && row.score !== undefined) return row.score;
  return row.state === "running" && row.curve && row.curve.length ? row.curve[row.curve.length - 1][1] : null;
}

function meritOf(row) {
  const score = scoreOf(row);
  return score === null ? null : model.experiment.direction === "minimize" ? -score : score;
}

// Of a front, the trial with the best score.
function bestId() {
  const ids = [...model.best].filter((id) => model.byId.has(id)), merit = (id) => meritOf(model.byId.get(id)) ?? -Infinity;
  return ids.length ? ids.reduce((one, other) => (merit(other) > merit(one) ? other : one)) : undefined;
}

function shareOf(row) {
  const merit = meritOf(row);
  if (merit === null) return null;
  const [low, high] = model.scale;
  return Math.max(0, Math.min(1, (merit - low) / (high - low)));
}

// The line of first parents, the founder first.
function lineOf(id) {
  const line = [];
  for (let row = model.byId.get(id); row; row = model.byId.get(row.parents[0])) line.unshift(row);
  return line;
}

// All ancestors and all descendants.
function relatives(id) {
  const found = new Set([id]);
  let near = [id];
  while (near.length) {
    near = near.flatMap((each) => (model.byId.get(each) || { parents: [] }).parents).filter((each) => !found.has(each));
    near.forEach((each) => found.add(each));
  }
  near = [id];
  while (near.length) {
    near = near.flatMap((each) => model.children.get(each) || []).filter((each) => !found.has(each));
    near.forEach((each) => found.add(each));
  }
  return found;
}

// Steps that lie behind a trial's first own step.
const behind = (row) => (row.total || 0) - (row.steps || 0);

const isLive = embedded === null;
let details = null; // of a report: parsed when the first one is looked at

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", credentials: "same-origin" });
  const text = await answer.text();
  let value = {};
  try { value = JSON.parse(text); } catch { /* a proxy's page: its status says enough */ }
  if (!answer.ok) throw new Error(value.problem || `the server answers with ${answer.status}`);
  return value;
}

async function detailOf(id) {
  if (isLive) return ask(`detail?name=${encodeURIComponent(id)}`);
  details ??= JSON.parse(document.getElementById("details").textContent);
  return details[id] || null;
}

async function storageFacts() {
  return isLive ? ask("storage") : embedded.storage;
}

// The cells of an architecture as graphs: inputs at the left, nodes in the order of their numbers.

const cells = {
  title: "Cells", chosen: "",
  build() {
    this.bar = make("div", { class: "bar" });
    this.place = make("div", { class: "cells", tabindex: 0, role: "region", "aria-label": "Cells" });
    return [this.bar, this.place];
  },
  owners() { return model.rows.filter((row) => row.has_cells || model.cells.has(row.id)); },
  async update() {
    const owners = this.owners();
    if (!owners.length) {
      this.bar.replaceChildren();
      this.place.replaceChildren(make("p", { class: "empty" }, "No trial here has cells: a search over cells, as DARTS's, notes them as cell/node/source."));
      return;
    }
    const best = owners.reduce((one, other) => ((meritOf(other) ?? -Infinity) > (meritOf(one) ?? -Infinity) ? other : one));
    const known = (id) => owners.some((row) => row.id === id);
    const chosen = known(model.selected) ? model.selected : known(this.chosen) ? this.chosen : best.id;
    const key = `${chosen} ${owners.length}`;
    if (key === this.shown) return;
    this.shown = key; this.chosen = chosen;
    this.bar.replaceChildren(choice("trial", owners.slice(0, 2000).map((row) => [row.id, `${row.id}  ${numberText(scoreOf(row))}`]), chosen, (value) => { this.chosen = value; select(value); }),
      make("span", { class: "legend" }, "solid: an operator; dashed: joined to the cell's output"));
    const detail = await detailOf(chosen);
    if (this.shown !== key) return; // another trial was chosen meanwhile
    this.place.replaceChildren(...(detail && detail.cells.length ? detail.cells.map(cellGraph) : [make("p", { class: "empty" }, detail ? "Its cells cannot be read." : "This report does not hold the cells of this trial.")]));
  },
};

function cellGraph({ name, edges }) {
  const inputs = Math.max(1, ...edges.map(([node, source]) => Math.max(0, source - node + 1)), Math.min(2, 1 + Math.max(...edges.map(([, source]) => source))));
  const nodes = [...new Set(edges.map(([node]) => node))].sort((a, b) => a - b), step = 200, high = 92;
  const levels = new Map(Array.from({ length: inputs }, (_, i) => [i, 0]));
  for (const node of nodes) levels.set(inputs + node, 1 + Math.max(...edges.filter(([each]) => each === node).map(([, source]) => levels.get(source) ?? 0)));
  const last = 1 + Math.max(...levels.values()), columns = new Map();
  for (const [each, level] of levels) columns.set(level, [...(columns.get(level) || []), each]);
  const tallest = Math.max(...[...columns.values()].map((each) => each.length)), places = new Map();
  // Every second column is moved a little, so that an edge over several columns does not run through a node.
  for (const [level, each] of columns) each.forEach((node, i) => places.set(node, [70 + level * step, 40 + (tallest * high) / 2 + (i - (each.length - 1) / 2) * high + (level % 2 ? 44 : -26)]));
  const end = [70 + last * step, 40 + (tallest * high) / 2], size = [end[0] + 70, tallest * high + 110];
  const svg = draw("svg", { width: size[0], height: size[1], viewBox: `0 0 ${size.join(" ")}`, role: "img", "aria-label": `Cell ${name}: ${edges.map(([n, s, o]) => `node ${n} from ${s} by ${o}`).join(", ")}` });
  const path = (from, to, bow) => `M ${from[0]} ${from[1]} Q ${(from[0] + to[0]) / 2} ${(from[1] + to[1]) / 2 + bow} ${to[0]} ${to[1]}`;
  const words = new Map();
  for (const node of nodes) {
    const from = places.get(inputs + node), reach = (end[0] - from[0]) / step;
    svg.append(draw("path", { class: "edge join", d: path(from, end, 46 * (reach - 1)) }));
  }
  const labels = edges.map(([node, source, operator]) => {
    const from = places.get(source) || places.get(0), to = places.get(inputs + node), reach = (to[0] - from[0]) / step;
    const bow = reach > 1 ? (from[1] <= to[1] ? -1 : 1) * 42 * (reach - 1) : 0;
    svg.append(draw("path", { class: "edge", d: path(from, to, bow) }));
    // Nearer to the node that it makes: in the middle the edges of neighbours cross.
    const t = reach > 1 ? 0.5 : 0.6, at = [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t + 2 * t * (1 - t) * bow];
    const spot = `${Math.round(at[0] / 80)} ${Math.round(at[1] / 16)}`;
    at[1] += 15 * (words.get(spot) || 0); words.set(spot, (words.get(spot) || 0) + 1);
    return draw("text", { class: "word", x: at[0], y: at[1] - 4, "text-anchor": "middle" }, clipText(operator, 26));
  });
  const box = ([x, y], text, kind) => draw("g", { class: `node ${kind}` }, draw("rect", { x: x - 32, y: y - 14, width: 64, height: 28, rx: 6 }), draw("text", { x, y: y + 4, "text-anchor": "middle" }, text));
  for (const [node, place] of places) svg.append(node < inputs ? box(place, `input ${inputs - node === 1 && inputs > 1 ? "k-1" : inputs > 1 ? `k-${inputs - node}` : ""}`, "ends") : box(place, `node ${node - inputs}`, ""));
  svg.append(box(end, "output", "ends"), ...labels);
  // A wide bow rises above the nodes.
  const top = Math.min(0, ...labels.map((label) => Number(label.getAttribute("y")) - 18));
  svg.setAttribute("viewBox", `0 ${top} ${size[0]} ${size[1] - top}`); svg.setAttribute("height", size[1] - top);
  return make("div", { class: "cell-graph" }, make("h3", {}, `cell ${name}`), svg);
}

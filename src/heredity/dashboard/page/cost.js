// The score against what it cost, with the Pareto front: trials that none beats at a lower cost.

const cost = {
  title: "Cost", across: "total", up: "", isLog: false,
  measures() {
    const { further } = model.experiment;
    return [
      ["total", "steps in all", "training steps, the ancestors' among them"], ["steps", "own steps", "training steps of the trial itself"],
      ["cpu", "processor", "seconds of the processor"], ["seconds", "time", "seconds from start to end"],
      ...Object.keys(further).map((name) => [`:${name}`, name, `${name} (${further[name]})`]),
    ];
  },
  build() {
    this.chart = new Chart(this.shape());
    const further = Object.keys(model.experiment.further).map((name) => [`:${name}`, name]);
    const box = make("input", { type: "checkbox", onchange: () => { this.isLog = box.checked; this.chart.reset(); } });
    const bar = make("div", { class: "bar" },
      choice("across", this.measures(), this.across, (value) => { this.across = value; this.chart.reset(); }),
      further.length ? choice("up", [["", model.experiment.objective], ...further], this.up, (value) => { this.up = value; this.chart.reset(); }) : null,
      make("label", {}, box, "logarithmic"),
      make("button", { type: "button", onclick: () => this.chart.reset() }, "show all"),
      (this.count = make("span", { class: "legend", id: "front" })));
    return [bar, this.chart.element];
  },
  update() { this.chart.ask(); },
  value(row, measure) {
    const value = measure === "" ? row.score : measure.startsWith(":") ? (row.metrics || {})[measure.slice(1)] : row[measure];
    return value === undefined ? null : value;
  },
  direction(measure) {
    if (measure === "") return model.experiment.direction;
    return measure.startsWith(":") ? model.experiment.further[measure.slice(1)] : "minimize";
  },
  points() {
    const points = [];
    for (const row of model.rows) {
      const [x, y] = [this.value(row, this.across), this.value(row, this.up)];
      if (x !== null && y !== null && !(this.isLog && x <= 0)) points.push([this.isLog ? Math.log10(x) : x, y, row]);
    }
    return points;
  },
  front(points) {
    const [sx, sy] = [this.across, this.up].map((measure) => (this.direction(measure) === "minimize" ? 1 : -1));
    const sorted = [...points].sort((one, other) => sx * (one[0] - other[0]) || sy * (one[1] - other[1]));
    const front = [];
    let least = Infinity;
    for (const point of sorted) if (sy * point[1] < least) { least = sy * point[1]; front.push(point); }
    return front;
  },
  shape() {
    return {
      label: "Score against cost. Arrow keys go along the lineage; Enter opens the trial.",
      emptyText: () => "No trial has ended with both of these measured.",
      isLogX: () => this.isLog,
      xTitle: () => this.measures().find(([name]) => name === this.across)[2],
      yTitle: () => (this.up ? this.up.slice(1) : model.experiment.objective),
      hasYTicks: () => true,
      bounds: () => { const points = this.points(); return points.length ? boundsOf(points) : null; },
      paint: (context, chart) => this.paint(context, chart),
      near: (x, y) => this.near(x, y),
      tip: tipText,
      choose: (row) => select(row.id),
      key: (event) => walk(event.key),
    };
  },
  paint(context, chart) {
    const points = this.points(), front = this.front(points), size = points.length > 1500 ? 2.4 : points.length > 200 ? 3.4 : 5;
    this.pixels = points.map(([x, y, row]) => [chart.x(x), chart.y(y), row]);
    for (const [x, y, row] of this.pixels) {
      context.globalAlpha = model.marked && !model.marked.has(row.id) ? 0.25 : 0.8;
      mark(context, row, x, y, size);
    }
    context.globalAlpha = 1;
    context.strokeStyle = colours.star; context.lineWidth = 2; context.beginPath();
    front.forEach(([x, y], index) => {
      if (!index) context.moveTo(chart.x(x), chart.y(y));
      else { context.lineTo(chart.x(x), chart.y(front[index - 1][1])); context.lineTo(chart.x(x), chart.y(y)); }
    });
    context.stroke();
    for (const [x, y] of front) { context.beginPath(); context.arc(chart.x(x), chart.y(y), size + 1, 0, 7); context.fillStyle = colours.star; context.fill(); context.strokeStyle = colours.back; context.lineWidth = 1; context.stroke(); }
    const chosen = this.pixels.find(([, , row]) => row.id === model.selected);
    if (chosen) { context.beginPath(); context.arc(chosen[0], chosen[1], size + 5, 0, 7); context.strokeStyle = colours.accent; context.lineWidth = 2.5; context.stroke(); }
    this.count.textContent = `Pareto front: ${front.length} of ${points.length} trials`;
    this.count.style.color = colours.star;
  },
  near(x, y) {
    let found = null, least = 12 * 12;
    for (const [px, py, row] of this.pixels || []) {
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) { least = distance; found = row; }
    }
    return found;
  },
};

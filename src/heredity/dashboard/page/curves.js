// Learning curves: what each trial reported, behind the steps that its ancestors have trained.

const curves = {
  title: "Curves", across: "total",
  build() {
    this.chart = new Chart(this.shape());
    const bar = make("div", { class: "bar" },
      choice("steps", [["total", "with the ancestors'"], ["own", "its own"]], this.across, (value) => { this.across = value; this.chart.reset(); }),
      make("button", { type: "button", onclick: () => this.chart.reset() }, "show all"),
      make("span", { class: "legend" }, "thin: every trial · thick: the selected trial, or the best one, behind the line of its ancestors"));
    return [bar, this.chart.element];
  },
  update() { this.chart.ask(); },
  pointsOf(row) {
    const shift = this.across === "total" ? behind(row) : 0;
    return (row.curve || []).filter((point) => point[1] !== null).map(([step, value]) => [step + shift, value]);
  },
  shape() {
    return {
      label: "Learning curves. Arrow keys go along the lineage; Enter opens the trial.",
      emptyText: () => "No trial has reported anything yet.",
      xTitle: () => (this.across === "total" ? "training steps, the ancestors' before a trial's own" : "training steps of the trial itself"),
      yTitle: () => `${model.experiment.objective}, as reported`,
      hasYTicks: () => true,
      bounds: () => {
        const bounds = boundsOf(model.rows.flatMap((row) => this.pointsOf(row)));
        return Number.isFinite(bounds[0]) ? bounds : null;
      },
      paint: (context, chart) => this.paint(context, chart),
      near: (x, y, chart) => this.near(x, y, chart),
      tip: tipText,
      choose: (row) => select(row.id),
      key: (event) => walk(event.key),
    };
  },
  paint(context, chart) {
    const shown = model.selected && model.byId.has(model.selected) ? model.selected : bestId();
    const line = shown ? lineOf(shown) : [], isMany = model.rows.length > 300;
    this.drawn = [];
    context.lineJoin = "round";
    // One path for each colour: thousands of strokes would take longer than all else.
    const paths = new Map();
    for (const row of model.rows) {
      const points = this.pointsOf(row).map(([x, y]) => [chart.x(x), chart.y(y)]);
      if (!points.length) continue;
      this.drawn.push([row, points]);
      const colour = row.state === "running" ? colours.running : colourOf(row);
      if (!paths.has(colour)) paths.set(colour, { share: shareOf(row) || 0, path: new Path2D() });
      const { path } = paths.get(colour);
      if (points.length === 1) { path.moveTo(points[0][0] + 2, points[0][1]); path.arc(...points[0], 2, 0, 7); }
      else points.forEach(([x, y], index) => (index ? path.lineTo(x, y) : path.moveTo(x, y)));
    }
    context.globalAlpha = isMany ? 0.45 : 0.85;
    context.lineWidth = isMany ? 0.8 : 1.3;
    for (const [colour, { path }] of [...paths].sort((one, other) => one[1].share - other[1].share)) {
      context.strokeStyle = colour;
      context.stroke(path);
    }
    context.globalAlpha = 1;
    this.paintLine(context, chart, this.across === "total" ? line : line.slice(-1));
  },
  paintLine(context, chart, line) {
    let before = null;
    line.forEach((row, index) => {
      const points = this.pointsOf(row).map(([x, y]) => [chart.x(x), chart.y(y)]);
      if (!points.length) return;
      const isLast = index === line.length - 1, colour = isLast ? colours.accent : colours.text;
      context.strokeStyle = colour; context.lineWidth = isLast ? 3 : 2;
      if (before) { context.setLineDash([2, 4]); this.stroke(context, [before, points[0]]); context.setLineDash([]); }
      this.stroke(context, points);
      context.fillStyle = colour; context.beginPath(); context.arc(...points[points.length - 1], 3.5, 0, 7); context.fill();
      before = points[points.length - 1];
    });
    if (!before) return;
    const row = line[line.length - 1], text = `${clipText(row.id, 28)}  ${numberText(scoreOf(row))}`;
    context.font = "bold 12px system-ui, 'DejaVu Sans', sans-serif"; context.textBaseline = "bottom";
    const width = context.measureText(text).width, isRight = before[0] + width + 10 < chart.left + chart.width;
    context.textAlign = isRight ? "left" : "right";
    const at = [before[0] + (isRight ? 8 : -8), Math.max(chart.top + 14, before[1] - 4)];
    context.lineWidth = 4; context.strokeStyle = colours.back; context.strokeText(text, ...at);
    context.fillStyle = colours.accent; context.fillText(text, ...at);
  },
  stroke(context, points) {
    context.beginPath();
    points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  },
  near(x, y) {
    let found = null, least = 12 * 12;
    for (const [row, points] of this.drawn || []) {
      for (const [px, py] of points) {
        const distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance <= least) { least = distance; found = row; }
      }
    }
    return found;
  },
};

// A picture with two axes on a canvas: ticks, zoom by wheel, pan by drag, a tip, a click. Knows no trials.

// Ticks at round numbers, and the step between them, by which their digits are chosen.
function niceTicks(low, high, most, leastStep = 0) {
  const span = high - low;
  if (!(span > 0)) return [[low], 0];
  const raw = Math.max(leastStep, span / Math.max(1, most)), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw * (1 - 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) ticks.push(Number((i * step).toPrecision(12)));
  return [ticks, step];
}

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(low); power <= high; power += 1) {
    for (const part of high - low < 3 ? [1, 2, 5] : [1]) {
      const at = power + Math.log10(part);
      if (at >= low && at <= high) ticks.push(at);
    }
  }
  return ticks;
}

function tickText(value, step) {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (Math.abs(value) >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
  const digits = step > 0 ? Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9))) : 4;
  return value.toFixed(digits);
}

const TICK_FONT = "12px system-ui, 'DejaVu Sans', sans-serif";

class Chart {
  // shape: {label, xTitle(), yTitle(), hasYTicks(), bounds() -> [x0, x1, y0, y1] | null, paint(context, chart),
  //         near(x, y, chart) -> thing | null, tip(thing), choose(thing), key(event) -> bool, isLogX()}
  constructor(shape) {
    this.shape = shape;
    this.canvas = make("canvas", { tabindex: 0, role: "application", "aria-label": shape.label });
    this.element = make("div", { class: "canvas" }, this.canvas);
    this.zoom = null; // [x0, x1, y0, y1]; null: all
    this.isAsked = false;
    new ResizeObserver(() => this.ask()).observe(this.element);
    this.listen();
  }

  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => { this.isAsked = false; this.paint(); });
  }

  reset() { this.zoom = null; this.ask(); }

  bounds() { return this.zoom || this.whole; }

  x(value) { const [x0, x1] = this.bounds(); return this.left + ((value - x0) / (x1 - x0)) * this.width; }
  y(value) { const b = this.bounds(); return this.top + this.height - ((value - b[2]) / (b[3] - b[2])) * this.height; }
  atX(pixel) { const [x0, x1] = this.bounds(); return x0 + ((pixel - this.left) / this.width) * (x1 - x0); }
  atY(pixel) { const b = this.bounds(); return b[2] + ((this.top + this.height - pixel) / this.height) * (b[3] - b[2]); }

  paint() {
    const box = this.element.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) { this.canvas.width = wide; this.canvas.height = high; }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, box.width, box.height);
    const bounds = this.shape.bounds();
    this.isEmpty = !bounds;
    if (!bounds) { this.sayEmpty(context, box); return; }
    this.whole = padded(bounds, this.shape.padding || 0.04, this.shape);
    this.top = 10; this.height = Math.max(20, box.height - this.top - 44);
    this.left = this.shape.hasYTicks() ? this.roomForYTicks(context) : 16; this.width = Math.max(20, box.width - this.left - 18);
    this.paintAxes(context);
    context.save();
    context.beginPath(); context.rect(this.left - 8, this.top - 8, this.width + 18, this.height + 16); context.clip();
    this.shape.paint(context, this);
    context.restore();
  }

  yTicks() { const b = this.bounds(); return niceTicks(b[2], b[3], Math.max(3, this.height / 50)); }

  roomForYTicks(context) {
    const [ticks, step] = this.yTicks();
    context.font = TICK_FONT;
    return ticks.reduce((most, tick) => Math.max(most, context.measureText(tickText(tick, step)).width + 30), 62);
  }

  sayEmpty(context, box) {
    context.fillStyle = colours.dim; context.font = "14px system-ui, sans-serif"; context.textAlign = "center";
    context.fillText(this.shape.emptyText(), box.width / 2, box.height / 2);
  }

  paintAxes(context) {
    const [x0, x1] = this.bounds(), bottom = this.top + this.height;
    context.font = TICK_FONT; context.lineWidth = 1;
    context.strokeStyle = colours.grid; context.fillStyle = colours.dim;
    const isLog = this.shape.isLogX && this.shape.isLogX();
    const [evenTicks, step] = niceTicks(x0, x1, this.width / 90, this.shape.isWhole ? 1 : 0);
    const isRound = isLog && logTicks(x0, x1).length > 1, xTicks = isRound ? logTicks(x0, x1) : evenTicks;
    context.textAlign = "center"; context.textBaseline = "top";
    let free = -Infinity;
    for (const tick of xTicks) {
      const at = Math.round(this.x(tick)) + 0.5;
      if (at < this.left - 1 || at > this.left + this.width + 1) continue;
      context.beginPath(); context.moveTo(at, this.top); context.lineTo(at, bottom); context.stroke();
      const text = isLog ? numberText(Number((10 ** tick).toPrecision(3))) : tickText(tick, step);
      const half = context.measureText(text).width / 2;
      if (at - half > free) { context.fillText(text, at, bottom + 6); free = at + half + 8; }
    }
    if (this.shape.hasYTicks()) this.paintYTicks(context);
    context.fillStyle = colours.text; context.textAlign = "center"; context.textBaseline = "alphabetic";
    context.fillText(clip(context, this.shape.xTitle(), this.width), this.left + this.width / 2, bottom + 37);
    if (!this.shape.hasYTicks()) return;
    context.save(); context.translate(14, this.top + this.height / 2); context.rotate(-Math.PI / 2);
    context.fillText(clip(context, this.shape.yTitle(), this.height), 0, 0);
    context.restore();
  }

  paintYTicks(context) {
    const [ticks, step] = this.yTicks();
    context.textAlign = "right"; context.textBaseline = "middle";
    for (const tick of ticks) {
      const at = Math.round(this.y(tick)) + 0.5;
      if (at < this.top - 1 || at > this.top + this.height + 1) continue;
      context.beginPath(); context.moveTo(this.left, at); context.lineTo(this.left + this.width, at); context.stroke();
      context.fillText(tickText(tick, step), this.left - 6, at);
    }
  }

  listen() {
    let drag = null;
    const place = (event) => { const box = this.canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (this.isEmpty) return;
      drag = { at: place(event), bounds: [...this.bounds()], isMoved: false };
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.isEmpty || !this.whole) return;
      const [x, y] = place(event);
      if (!drag) { this.point(x, y, event); return; }
      const [dx, dy] = [x - drag.at[0], y - drag.at[1]];
      if (!drag.isMoved && Math.hypot(dx, dy) < 5) return;
      drag.isMoved = true; hideTip();
      const [x0, x1, y0, y1] = drag.bounds, across = (dx / this.width) * (x1 - x0), up = (dy / this.height) * (y1 - y0);
      this.zoom = [x0 - across, x1 - across, y0 + up, y1 + up];
      this.ask();
    });
    this.canvas.addEventListener("pointerup", (event) => {
      const isClick = drag && !drag.isMoved;
      drag = null;
      if (!isClick) return;
      const thing = this.shape.near(...place(event), this);
      if (thing) this.shape.choose(thing);
    });
    this.canvas.addEventListener("pointercancel", () => { drag = null; });
    this.canvas.addEventListener("pointerleave", hideTip);
    this.canvas.addEventListener("dblclick", () => this.reset());
    this.canvas.addEventListener("wheel", (event) => {
      if (this.isEmpty) return;
      event.preventDefault(); hideTip();
      this.zoomBy(Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * 0.002))), ...place(event), { isOnlyX: event.shiftKey, isOnlyY: event.altKey });
    }, { passive: false });
    this.canvas.addEventListener("keydown", (event) => {
      if (this.isEmpty || event.ctrlKey || event.metaKey) return;
      const middle = [this.left + this.width / 2, this.top + this.height / 2];
      if (event.key === "+" || event.key === "=") this.zoomBy(0.7, ...middle);
      else if (event.key === "-") this.zoomBy(1.4, ...middle);
      else if (event.key === "0") this.reset();
      else if (!this.shape.key || !this.shape.key(event, this)) return;
      event.preventDefault(); event.stopPropagation();
    });
  }

  point(x, y, event) {
    const thing = this.shape.near(x, y, this);
    this.canvas.style.cursor = thing ? "pointer" : "default";
    if (thing) showTip(this.shape.tip(thing), event.clientX, event.clientY); else hideTip();
  }

  zoomBy(factor, x, y, { isOnlyX = false, isOnlyY = false } = {}) {
    const [x0, x1, y0, y1] = this.bounds(), [atX, atY] = [this.atX(x), this.atY(y)];
    const [fx, fy] = [isOnlyY ? 1 : factor, isOnlyX ? 1 : factor];
    this.zoom = [atX - (atX - x0) * fx, atX + (x1 - atX) * fx, atY - (atY - y0) * fy, atY + (y1 - atY) * fy];
    this.ask();
  }

  // Bring a place into sight, without zooming.
  reveal(x, y) {
    if (!this.zoom) return;
    const [x0, x1, y0, y1] = this.zoom;
    if (x > x0 && x < x1 && y > y0 && y < y1) return;
    const [w, h] = [(x1 - x0) / 2, (y1 - y0) / 2];
    this.zoom = [x - w, x + w, y - h, y + h];
  }
}

// A value that stands alone gets a tenth of itself at either side: ticks of its last digits would say nothing.
function padded([x0, x1, y0, y1], share, { isWhole = false } = {}) {
  const alone = (value, part) => (Math.abs(value) * 0.1 || 1) / part;
  const [w, h] = [x1 - x0 || (isWhole ? 1 : alone(x0, share)), y1 - y0 || alone(y0, share + 0.02)];
  return [x0 - w * share, x1 + w * share, y0 - h * (share + 0.02), y1 + h * (share + 0.02)];
}

function clip(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let kept = text;
  while (kept.length > 1 && context.measureText(`${kept}…`).width > width) kept = kept.slice(0, -1);
  return `${kept}…`;
}

function choice(label, options, chosen, whenChanged) {
  const select = make("select", { onchange: () => whenChanged(select.value) });
  for (const [value, text] of options) select.append(make("option", { value, selected: value === chosen }, text));
  return make("label", {}, label, select);
}

// A table of which only the rows in sight are elements: thousands cost what thirty do.

const ROW_PIXELS = 26;

class Grid {
  // columns: [{title, width, isNumber, value(row), text(row), cell(row) -> node}]; choose(row); idOf(row)
  constructor({ label, columns, choose, idOf, sort, isDown }) {
    Object.assign(this, { columns, choose, idOf, sort, isDown: Boolean(isDown), rows: [], shown: [], at: -1, test: null });
    this.titles = make("div", { class: "row titles", role: "row", "aria-rowindex": 1 });
    this.body = make("div", { class: "body", role: "rowgroup" });
    this.element = make("div", { class: "grid", role: "grid", tabindex: 0, "aria-label": label }, this.titles, this.body);
    this.element.addEventListener("scroll", () => this.ask());
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.ask()).observe(this.element);
    this.template = columns.map((column) => `minmax(${column.width}px, ${column.isWide ? "3fr" : "1fr"})`).join(" ");
    this.titles.style.gridTemplateColumns = this.template;
    this.titles.style.position = "sticky";
    this.widthOfAll = columns.reduce((sum, column) => sum + column.width, 0);
    columns.forEach((column, index) => {
      const button = make("button", { type: "button", tabindex: -1, onclick: () => this.sortBy(index) }, column.title);
      this.titles.append(make("div", { role: "columnheader", class: column.isNumber ? "number" : "" }, button));
    });
  }

  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => { this.isAsked = false; this.paint(); });
  }

  sortBy(index) {
    this.isDown = this.sort === index ? !this.isDown : this.columns[index].isNumber;
    this.sort = index;
    this.take(this.rows, this.test);
  }

  take(rows, test = null) {
    this.rows = rows; this.test = test;
    const { value } = this.columns[this.sort], sign = this.isDown ? -1 : 1;
    const isNone = (each) => each === null || each === undefined || each === "";
    const pairs = (test ? rows.filter(test) : [...rows]).map((row) => [value(row), row]);
    // What has no value stands at the end, whichever way is sorted.
    pairs.sort(([one], [other]) => {
      if (isNone(one) || isNone(other)) return isNone(one) - isNone(other);
      return one < other ? -sign : one > other ? sign : 0;
    });
    this.shown = pairs.map(([, row]) => row);
    this.at = this.shown.findIndex((row) => this.idOf(row) === model.selected);
    this.ask();
  }

  paint() {
    [...this.titles.children].forEach((title, index) => {
      const isSorted = index === this.sort;
      title.setAttribute("aria-sort", isSorted ? (this.isDown ? "descending" : "ascending") : "none");
      title.firstChild.textContent = this.columns[index].title + (isSorted ? (this.isDown ? " ▾" : " ▴") : "");
    });
    this.element.setAttribute("aria-rowcount", this.shown.length + 1);
    this.body.style.height = `${this.shown.length * ROW_PIXELS}px`;
    this.body.style.position = "relative";
    this.body.style.minWidth = this.titles.style.minWidth = `${this.widthOfAll}px`;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_PIXELS) - 4);
    const last = Math.min(this.shown.length, first + Math.ceil(this.element.clientHeight / ROW_PIXELS) + 9);
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(this.rowAt(index));
    this.body.replaceChildren(...rows);
  }

  rowAt(index) {
    const row = this.shown[index], isChosen = this.idOf(row) === model.selected;
    const element = make("div", { class: `row${isChosen ? " chosen" : ""}`, role: "row", id: `${this.element.dataset.name}-${index}`, "aria-rowindex": index + 2, "aria-selected": String(isChosen), "data-id": this.idOf(row), onclick: () => { this.at = index; this.choose(row); } });
    element.style.top = `${index * ROW_PIXELS}px`;
    element.style.gridTemplateColumns = this.template;
    for (const column of this.columns) {
      const content = column.cell ? column.cell(row) : column.text(row);
      const cell = make("div", { class: `cell${column.isNumber ? " number" : ""}`, role: "gridcell" }, content);
      if (typeof content === "string" && content.length > 12) cell.title = content;
      element.append(cell);
    }
    return element;
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_PIXELS) - 2), end = this.shown.length - 1;
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: end }[event.key];
    if (event.key === "Enter" && this.at >= 0) { this.choose(this.shown[this.at], { isFocused: true }); event.preventDefault(); return; }
    if (to === undefined || end < 0) return;
    event.preventDefault();
    this.at = Math.max(0, Math.min(end, to));
    this.reveal();
    this.choose(this.shown[this.at], { isQuiet: true });
  }

  reveal() {
    const top = this.at * ROW_PIXELS, { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + 2 * ROW_PIXELS > scrollTop + clientHeight - ROW_PIXELS) this.element.scrollTop = top + 3 * ROW_PIXELS - clientHeight;
    this.element.setAttribute("aria-activedescendant", `${this.element.dataset.name}-${this.at}`);
    this.ask();
  }
}

// A table of which only the rows in sight are elements: thousands cost what thirty do.

const ROW_PIXELS = 26, NAME_SIGNS = 26;
const isNothing = (value) => value === null || value === undefined || value === "";

class Grid {
  // columns: [{title, width, isNumber, isOptional, isFitted, value(row), text(row), cell(row) -> node}]; the first
  // one sorts, or the one of the title `sort`; choose(row); idOf(row); emptyText() where there are no rows
  constructor({ label, columns, choose, idOf, sort, isDown, emptyText }) {
    Object.assign(this, { all: columns, columns: [], choose, idOf, emptyText, isDown: Boolean(isDown), rows: [], shown: [], at: -1, test: null });
    this.sort = columns.find((column) => column.title === sort) || columns[0];
    this.titles = make("div", { class: "row titles", role: "row", "aria-rowindex": 1 });
    this.body = make("div", { class: "body", role: "rowgroup" });
    this.nothing = make("p", { class: "empty", hidden: true });
    this.element = make("div", { class: "grid", role: "grid", tabindex: 0, "aria-label": label }, this.titles, this.body, this.nothing);
    this.element.addEventListener("scroll", () => this.ask());
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.ask()).observe(this.element);
    this.titles.style.position = "sticky";
  }

  // Of the optional columns only those in which something stands; names get the room of the longest, within bounds.
  layOut() {
    const columns = this.all.filter((column) => !column.isOptional || this.rows.some((row) => !isNothing(column.value(row))));
    const widthOf = ({ width, isFitted, text }) => (isFitted ? this.rows.reduce((most, row) => Math.max(most, Math.min(240, 20 + 8 * text(row).length)), width) : width);
    const widths = columns.map(widthOf), template = columns.map(({ isWide }, index) => `minmax(${widths[index]}px, ${isWide ? "3fr" : "1fr"})`).join(" ");
    if (template === this.template && columns.length === this.columns.length) return;
    Object.assign(this, { columns, template, widthOfAll: widths.reduce((sum, width) => sum + width, 0) });
    this.titles.style.gridTemplateColumns = template;
    this.titles.replaceChildren(...columns.map((column) => {
      const button = make("button", { type: "button", tabindex: -1, title: column.title, onclick: () => this.sortBy(column) }, column.title);
      return make("div", { role: "columnheader", class: column.isNumber ? "number" : "" }, button);
    }));
  }

  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => { this.isAsked = false; this.paint(); });
  }

  sortBy(column) {
    this.isDown = this.sort === column ? !this.isDown : column.isNumber;
    this.sort = column;
    this.take(this.rows, this.test);
  }

  take(rows, test = null) {
    this.rows = rows; this.test = test;
    this.layOut();
    const { value } = this.sort, sign = this.isDown ? -1 : 1;
    const pairs = (test ? rows.filter(test) : [...rows]).map((row) => [value(row), row]);
    // What has no value stands at the end, whichever way is sorted.
    pairs.sort(([one], [other]) => {
      if (isNothing(one) || isNothing(other)) return isNothing(one) - isNothing(other);
      return one < other ? -sign : one > other ? sign : 0;
    });
    this.shown = pairs.map(([, row]) => row);
    this.at = this.shown.findIndex((row) => this.idOf(row) === model.selected);
    this.ask();
  }

  paint() {
    [...this.titles.children].forEach((title, index) => {
      const isSorted = this.columns[index] === this.sort;
      title.setAttribute("aria-sort", isSorted ? (this.isDown ? "descending" : "ascending") : "none");
      title.firstChild.textContent = this.columns[index].title + (isSorted ? (this.isDown ? " ▾" : " ▴") : "");
    });
    this.element.setAttribute("aria-rowcount", this.shown.length + 1);
    this.nothing.hidden = this.shown.length > 0;
    this.nothing.textContent = this.rows.length ? "Nothing here fits the filter." : this.emptyText();
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
      const content = column.cell ? column.cell(row) : column.text(row), shown = column.isFitted ? clipText(content, NAME_SIGNS) : content;
      const cell = make("div", { class: `cell${column.isNumber ? " number" : ""}`, role: "gridcell" }, shown);
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

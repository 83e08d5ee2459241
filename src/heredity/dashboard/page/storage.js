// What the checkpoints take on the disk, and what dropping each would free.

const storage = {
  title: "Storage", facts: null, askedAt: 0,
  build() {
    const bytes = (title, index) => ({ title, width: 96, isNumber: true, value: (row) => row[index], text: (row) => bytesText(row[index]) });
    this.grid = new Grid({ label: "Checkpoints by what they take", sort: "own", isDown: true, emptyText: () => "No checkpoint has been saved yet.", idOf: (row) => this.idOf(row), choose: (row, how = {}) => { const id = this.idOf(row); if (model.byId.has(id)) select(id, { isOpened: !how.isQuiet || !document.getElementById("detail").hidden, isFocused: how.isFocused }); },
      columns: [
        { title: "checkpoint", width: 200, isWide: true, value: (row) => row[0], text: (row) => row[0] },
        { title: "own and shared", width: 130, isWide: true, value: (row) => row[2], cell: (row) => this.meter(row) },
        bytes("loaded", 2), bytes("shared", 4), bytes("own", 3), bytes("drop frees", 5),
      ] });
    this.grid.element.dataset.name = "storage";
    this.grid.element.hidden = true;
    this.summary = make("div", { class: "bar" }, make("span", { class: "dim" }, "The store is being read …"));
    return [this.summary, this.grid.element];
  },
  idOf: (row) => row[1] || row[0],
  meter(row) {
    const meter = make("div", { class: "meter" }), scale = 100 / (this.most || 1);
    for (const [name, value] of [["own", row[3]], ["shared", row[4]]]) {
      const part = make("i", { class: name });
      part.style.width = `${value * scale}%`;
      meter.append(part);
    }
    return meter;
  },
  async update() {
    if (this.facts && (!isLive || Date.now() - this.askedAt < 8000)) { this.show(); return; }
    this.askedAt = Date.now();
    try { this.facts = await storageFacts(); } catch (error) { this.facts = { problem: error.message, rows: [], others: 0, damaged: 0 }; }
    this.show();
  },
  show() {
    const { rows, problem, others, damaged, url } = this.facts, sum = (index) => rows.reduce((total, row) => total + row[index], 0);
    this.most = rows.reduce((most, row) => Math.max(most, row[3] + row[4]), 1);
    const [loaded, own] = [sum(2), sum(3)];
    const parts = problem ? [make("span", { class: "failed" }, problem)] : [
      make("strong", {}, `${rows.length} checkpoints`), make("span", {}, `${bytesText(loaded)} when loaded`),
      make("span", {}, make("i", { class: "swatch own" }), ` ${bytesText(own)} in files of their own`),
      make("span", {}, make("i", { class: "swatch shared" }), ` ${bytesText(sum(4))} shared with others`),
      loaded ? make("span", {}, `sharing saves ${Math.round(100 * (1 - own / loaded))} %`) : null,
      make("span", { class: "dim" }, url || ""),
      others ? make("span", { class: "dim" }, `${others} checkpoints of others are not listed`) : null,
      damaged ? make("span", { class: "failed" }, `${damaged} cannot be read: heredity verify`) : null];
    this.summary.replaceChildren(...parts.filter(Boolean));
    this.grid.element.hidden = Boolean(problem);
    this.grid.take(rows);
  },
};

// All trials as a table, sorted and filtered.

const trials = {
  title: "Trials", text: "", state: "",
  build() {
    const isStore = model.experiment.kind === "store";
    const states = ["waiting", "queued", "running", "completed", "stopped_early", "failed", "lost"];
    const input = make("input", { type: "search", id: "filter", placeholder: "filter (f)", "aria-label": "Filter by name, hyperparameter, reason", oninput: () => { this.text = input.value.toLowerCase(); this.update(); } });
    this.grid = new Grid({ label: isStore ? "Checkpoints" : "Trials", columns: isStore ? this.storeColumns() : this.columns(), emptyText: () => (isStore ? "The store holds no checkpoint yet." : "No trial has been proposed yet."), idOf: (row) => row.id, choose: (row, how = {}) => { select(row.id, { isOpened: !how.isQuiet || !document.getElementById("detail").hidden, isFocused: how.isFocused }); } });
    this.grid.element.dataset.name = "trials";
    const bar = make("div", { class: "bar" }, input,
      isStore ? null : choice("state", [["", "any"], ...states.map((state) => [state, stateText(state)])], "", (value) => { this.state = value; this.update(); }),
      (this.count = make("span", { class: "legend" })));
    return [bar, this.grid.element];
  },
  columns() {
    const { objective, further } = model.experiment, plain = (title, width, name, more = {}) => ({ title, width, value: (row) => row[name], text: (row) => String(row[name] || DASH), ...more });
    const number = (title, width, name, text = numberText) => ({ title, width, isNumber: true, value: (row) => row[name], text: (row) => text(row[name]) });
    return [
      { title: "trial", width: 80, isFitted: true, value: (row) => row.number, text: (row) => row.id },
      { title: "state", width: 112, value: (row) => row.state, cell: (row) => make("span", { class: row.state }, stateText(row.state)) },
      { title: clipText(objective, 24), width: 90, isNumber: true, value: (row) => meritOf(row), cell: (row) => make("span", {}, model.best.has(row.id) ? "★ " : "", numberText(scoreOf(row)), row.score === null && scoreOf(row) !== null ? " …" : "") },
      ...Object.keys(further).map((name) => ({ title: clipText(name, 24), width: 90, isNumber: true, value: (row) => row.metrics[name], text: (row) => numberText(row.metrics[name]) })),
      { title: "inherited", width: 160, value: (row) => inheritedText(row).replace(DASH, ""), cell: (row) => make("span", { class: row.verdict || "" }, inheritedText(row)) },
      { title: "parents", width: 100, isFitted: true, value: (row) => row.parents[0], text: (row) => row.parents.join(", ") || DASH },
      number("steps", 70, "steps"), number("in all", 70, "total"), number("time", 96, "seconds", secondsText), { ...number("cpu", 96, "cpu", secondsText), isOptional: true },
      plain("strategy's word", 130, "word", { isWide: true, isOptional: true }),
      { title: "hyperparameters", width: 200, isWide: true, isOptional: true, value: hyperparameters, text: hyperparameters },
      plain("why", 110, "why", { isWide: true, isOptional: true }),
    ];
  },
  storeColumns() {
    return [
      { title: "checkpoint", width: 120, isFitted: true, isWide: true, value: (row) => row.number, text: (row) => row.id },
      { title: "score", width: 90, isNumber: true, value: (row) => row.score, text: (row) => numberText(row.score) },
      { title: "inherited", width: 160, value: (row) => row.verdict, cell: (row) => make("span", { class: row.verdict || "" }, inheritedText(row)) },
      { title: "parents", width: 120, isFitted: true, isWide: true, value: (row) => row.parents[0], text: (row) => row.parents.join(", ") || DASH },
      { title: "saved", width: 190, value: (row) => row.started, text: (row) => new Date(row.started * 1000).toLocaleString() },
      { title: "metadata", width: 260, isWide: true, isOptional: true, value: hyperparameters, text: hyperparameters },
    ];
  },
  update() {
    const { text, state } = this;
    const isWanted = (row) => (!state || row.state === state) && (!text || wordsOf(row).includes(text));
    this.grid.take(model.rows, text || state ? isWanted : null);
    this.count.textContent = `${this.grid.shown.length} of ${model.rows.length}`;
  },
};

const hyperparameters = (row) => Object.entries(row.parameters || {}).map(([name, value]) => `${name}=${value}`).join(", ");
const wordsOf = (row) => [row.id, stateText(row.state), row.parents.join(" "), row.verdict, row.word, row.why, hyperparameters(row)].join(" ").toLowerCase();

// A new sweep: written, pasted or made with a form; what it would give is said as one types.
import { call, Faults } from "./api.js";
import { bytes, element, later, number, replace, say } from "./dom.js";
import { editor } from "./editor.js";

const KEPT = "sizer-sweep";
const START = `sizer: 1
name: my-sweep

# What stays the same.
model:
  convention: pytorch
  cell_type: lstm
  inputs: 80
  outputs: 0

# What varies: every combination is a configuration.
grid:
  layers: [1, 2, 3, 4]
  cells: {from: 128, to: 2048, step: 64}
  recurrent_projection: [0, 128, 256, 512]

where:
  - recurrent_projection < cells

budget:
  weights: {max: 10M}
`;

export function showNew(main, signal, go) {
  let schema = null;
  let asked = null;
  const write = editor(
    () => schema,
    (text) => {
      sessionStorage.setItem(KEPT, text);
      check();
    },
  );
  const faults = element("ul", { class: "faults", id: "faults", "aria-live": "polite" });
  const found = element("div", { "aria-live": "polite" }, element("p", { class: "quiet" }, "Counting …"));
  const run = element("button", { class: "main", id: "run", disabled: true, onclick: start }, "Run");
  const form = fieldsOf((text) => {
    write.text = text;
    sessionStorage.setItem(KEPT, text);
    check();
  }, signal);
  const tabs = tabsOf([
    ["Text", element("div", {}, write.element, element("p", { class: "quiet small" }, "Ctrl+Space completes."), faults)],
    ["Form", form],
  ]);

  async function dryRun() {
    asked?.abort();
    asked = new AbortController();
    signal.addEventListener("abort", () => asked.abort());
    const mine = asked;
    try {
      const said = await call("/v1/dry-run", { body: write.text, type: "application/yaml", signal: mine.signal });
      if (mine !== asked) return;
      mark([]);
      replace(found, summary(said));
      run.disabled = false;
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      if (!(problem instanceof Faults)) {
        replace(found, element("p", { class: "bad-text" }, "The server does not answer."));
        return;
      }
      run.disabled = problem.status === 422;
      mark(problem.status === 422 ? problem.faults : []);
      replace(found, element("p", { class: "quiet" }, problem.status === 422 ? "Nothing is counted while there are faults." : problem.message));
    }
  }

  const check = later(180, dryRun);

  function mark(list) {
    write.mark(list);
    replace(
      faults,
      list.map((fault) =>
        element(
          "li",
          {},
          element(
            "button",
            { type: "button", onclick: () => fault.line && write.goTo(fault.line, fault.column) },
            fault.line ? `line ${fault.line}, column ${fault.column}: ` : "",
            fault.path ? element("code", {}, `${fault.path}: `) : null,
            fault.message,
          ),
        ),
      ),
    );
  }

  async function start() {
    run.disabled = true;
    try {
      const job = await call("/v1/sweeps", { body: write.text, type: "application/yaml" });
      go(`/sweeps/${job.id}`);
    } catch (problem) {
      if (problem instanceof Faults && problem.status === 422) mark(problem.faults);
      say(problem.message);
      run.disabled = false;
    }
  }

  replace(
    main,
    element(
      "div",
      { class: "columns" },
      element("section", { class: "panel" }, element("div", { class: "row spread" }, element("h1", {}, "New sweep"), run), tabs),
      element("section", { class: "panel", "aria-label": "What it would give" }, element("h2", {}, "What it would give"), found),
    ),
  );
  write.text = sessionStorage.getItem(KEPT) ?? START;
  dryRun();
  call("/v1/schema", { signal }).then((value) => (schema = value), () => {});
}

function summary(said) {
  const dry = said.dry_run;
  const outside = Object.entries(dry.outside_budget ?? {}).flatMap(([column, sides]) =>
    Object.entries(sides).map(([side, count]) => [`${side} the budget of ${column}`, count]),
  );
  const lines = [
    ...Object.entries(dry.not_valid ?? {}).map(([reason, count]) => [`not valid: ${reason}`, count]),
    ...outside,
    ...Object.entries(dry.excluded ?? {}).map(([condition, count]) => [`not: ${condition}`, count]),
  ];
  const fits = dry.exact ? number(dry.kept) : `between ${number(dry.kept_between[0])} and ${number(dry.kept_between[1])}`;
  return [
    element("p", { class: "large", id: "kept" }, fits),
    element("p", { class: "quiet" }, `of ${number(said.configurations)} configurations fit`),
    lines.length
      ? element("dl", { class: "figures" }, lines.flatMap(([word, count]) => [element("dt", {}, word), element("dd", {}, number(count))]))
      : null,
    dry.expected_bytes?.parquet ? element("p", { class: "quiet" }, `about ${bytes(dry.expected_bytes.parquet)} as Parquet`) : null,
    dry.largest?.length ? [element("h2", {}, "The largest that fit"), largest(dry.largest, said.columns)] : null,
  ].flat();
}

function largest(rows, columns) {
  const varies = columns.filter((name) => name === "id" || name === "weights" || new Set(rows.map((row) => row[name])).size > 1);
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, varies.map((name) => element("th", {}, name)))),
      element("tbody", {}, rows.map((row) => element("tr", {}, varies.map((name) => element("td", {}, number(row[name])))))),
    ),
  );
}

// Pages are [title, content, what to do when it is first opened].
export function tabsOf(pages) {
  const list = element("div", { role: "tablist" });
  const panels = pages.map(([, content], at) => element("div", { role: "tabpanel", id: `panel-${pages[0][0]}-${at}`, hidden: at > 0 }, content));
  const tabs = pages.map(([title], at) =>
    element("button", { type: "button", role: "tab", "aria-controls": panels[at].id, onclick: () => choose(at) }, title),
  );
  function choose(chosen, focus) {
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === chosen));
      tab.tabIndex = at === chosen ? 0 : -1;
      panels[at].hidden = at !== chosen;
    });
    const onOpen = pages[chosen][2];
    pages[chosen][2] = null;
    onOpen?.();
    if (focus) tabs[chosen].focus();
  }
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose((tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length, true);
  });
  list.append(...tabs);
  choose(0);
  return element("div", {}, list, ...panels);
}

function fieldsOf(onText, signal) {
  const range = (name, title, from, to, step) =>
    element(
      "fieldset",
      {},
      element("legend", {}, title),
      ...[["from", from], ["to", to], ["step", step]].map(([word, value]) =>
        element("label", {}, word, element("input", { name: `${name}.${word}`, value, inputmode: "numeric" })),
      ),
    );
  const convention = element("select", { name: "convention" }, element("option", {}, "pytorch"));
  const cell = element("select", { name: "cell_type" }, ["lstm", "gru", "rnn"].map((word) => element("option", {}, word)));
  const form = element(
    "form",
    { class: "fields", oninput: () => onText(textOf(form)), onsubmit: (event) => event.preventDefault() },
    element("label", {}, "Name", element("input", { name: "name", value: "my-sweep" })),
    element("label", {}, "Convention", convention),
    element("label", {}, "Cell type", cell),
    element("label", {}, "Inputs", element("input", { name: "inputs", value: "80", inputmode: "numeric" })),
    element("label", {}, "Outputs", element("input", { name: "outputs", value: "0", inputmode: "numeric" })),
    element("label", {}, "At most (weights)", element("input", { name: "budget", value: "10M" })),
    range("layers", "Layers", "1", "4", "1"),
    range("cells", "Cells", "128", "2048", "64"),
    range("recurrent_projection", "Recurrent projection (0: none)", "0", "0", "128"),
    element("label", { class: "check" }, element("input", { type: "checkbox", name: "both" }), "One and two directions"),
  );
  call("/v1/conventions", { signal }).then(
    (found) => replace(convention, found.conventions.map((one) => element("option", { value: one.convention, selected: one.convention === "pytorch" }, `${one.convention}: ${one.title}`))),
    () => {},
  );
  return form;
}

function textOf(form) {
  const value = (name) => form.elements[name].value.trim();
  const axis = (name) => {
    const [from, to, step] = ["from", "to", "step"].map((word) => value(`${name}.${word}`));
    return from === to || !to ? `[${from}]` : `{from: ${from}, to: ${to}, step: ${step || 1}}`;
  };
  const projected = !(value("recurrent_projection.to") === "0" || !value("recurrent_projection.to"));
  return [
    "sizer: 1",
    `name: ${value("name")}`,
    "model:",
    ...["convention", "cell_type", "inputs", "outputs"].map((name) => `  ${name}: ${value(name)}`),
    "grid:",
    `  layers: ${axis("layers")}`,
    `  cells: ${axis("cells")}`,
    ...(projected ? [`  recurrent_projection: ${axis("recurrent_projection")}`] : []),
    ...(form.elements.both.checked ? ["  bidirectional: [false, true]"] : []),
    ...(projected ? ["where:", "  - recurrent_projection < cells"] : []),
    ...(value("budget") ? ["budget:", `  weights: {max: ${value("budget")}}`] : []),
    "",
  ].join("\n");
}

// A new sweep: written, pasted or made with a form; what it would give is said as one types.
import { call, Faults } from "./api.js";
import { bytes, element, later, number, replace, say } from "./dom.js";
import { editor } from "./editor.js";
import { faultList } from "./faults.js";
import { sweepForm } from "./form.js";
import { known } from "./known.js";
import { exampleChoice, fileButton, openFile } from "./opening.js";
import { spaceOf } from "./space.js";

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

// on.text(text), on.model(file): what is done with a file that is opened.
export function showNew(main, signal, go, on) {
  const words = known();
  let asked = null;
  const write = editor(
    () => words,
    (text) => {
      sessionStorage.setItem(KEPT, text);
      check();
    },
  );
  const faults = faultList(write, () => tabs.choose(0));
  const found = element("div", { "aria-live": "polite" }, element("p", { class: "quiet" }, "Counting …"));
  const run = element("button", { class: "main", id: "run", disabled: true, onclick: start }, "Run");
  const form = sweepForm((text) => {
    write.replace(text);
    sessionStorage.setItem(KEPT, text);
    check();
  }, signal);
  const tabs = tabsOf([
    ["Text", element("div", {}, write.element, element("p", { class: "quiet small" }, "Ctrl+Space completes.")), null, () => write.settle()],
    ["Form", element("div", {}, form.element, element("p", { class: "quiet small" }, "A field changes only its own value in the text; the rest stays as it is.")), null, () => form.read(write.text)],
  ]);

  async function dryRun() {
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    try {
      const said = await call("/v1/dry-run", { body: write.text, type: "application/yaml", signal: mine.signal });
      if (mine !== asked) return;
      faults.show([]);
      replace(found, summary(said), said.space ? spaceOf(write.text, signal) : null);
      run.disabled = false;
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      if (problem instanceof Faults) run.disabled = problem.status === 422;
      faults.refuse(problem, found);
    }
  }

  const check = later(180, dryRun);

  signal.addEventListener("abort", () => asked?.abort());

  async function start() {
    run.disabled = true;
    try {
      const job = await call("/v1/sweeps", { body: write.text, type: "application/yaml" });
      go(`/sweeps/${job.id}`);
    } catch (problem) {
      if (problem instanceof Faults && problem.status === 422) faults.show(problem.faults);
      say(problem.message);
      run.disabled = false;
    }
  }

  replace(
    main,
    element(
      "div",
      { class: "columns" },
      element("section", { class: "panel" }, element("div", { class: "row spread" }, element("h1", {}, "New sweep"), element("div", { class: "row" }, exampleChoice(on.text), fileButton("Open file", (file) => openFile(file, on).catch((problem) => say(problem.message)), "file"), run)), tabs, faults.element),
      element("section", { class: "panel", "aria-label": "What it would keep" }, element("h2", {}, "What it would keep"), found),
    ),
  );
  write.text = sessionStorage.getItem(KEPT) ?? START;
  dryRun();
  return {
    open(text) {
      tabs.choose(0);
      write.open(text);
    },
  };
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
  const [low, high] = dry.exact ? [dry.kept, dry.kept] : dry.kept_between;
  const fits = low === high ? number(low) : `between ${number(low)} and ${number(high)}`;
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

// A value for each layer, which may take several lines.
const isList = (value) => Array.isArray(value) || /[ ,·]/.test(String(value));

function largest(rows, columns) {
  // The weights stand in front: what is wider than the panel is seen by scrolling.
  const others = columns.filter((name) => !["id", "weights"].includes(name) && new Set(rows.map((row) => String(row[name]))).size > 1);
  const varies = [...["id", "weights"].filter((name) => columns.includes(name)), ...others];
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, varies.map((name) => element("th", {}, name)))),
      element("tbody", {}, rows.map((row) => element("tr", {}, varies.map((name) => element("td", { class: isList(row[name]) ? "wrap-any" : "" }, number(row[name])))))),
    ),
  );
}

// Pages are [title, content, what to do when it is first opened, and whenever it is].
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
    pages[chosen][3]?.();
    if (focus) tabs[chosen].focus();
  }
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose((tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length, true);
  });
  list.append(...tabs);
  choose(0);
  return Object.assign(element("div", {}, list, ...panels), { choose });
}

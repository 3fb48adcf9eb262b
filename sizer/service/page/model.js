// A model of named blocks: written, and counted as one types.
import { call, Faults } from "./api.js";
import { element, later, replace, say } from "./dom.js";
import { editor } from "./editor.js";
import { whole } from "./breakdown.js";
import { known } from "./known.js";
import { fileButton, openFile } from "./opening.js";

const KEPT = "sizer-model";
const START = `model:
  convention: pytorch
  clocks: {frames: 100}
  blocks:
    features: {type: input, inputs: 80}
    encoder:  {type: recurrent, layers: 4, cells: 1024, recurrent_projection: 256}
    output:   {type: dense, width: 500}
`;

export function showModel(main, signal, go, on) {
  const words = known();
  let asked = null;
  const write = editor(
    () => words,
    (text) => {
      sessionStorage.setItem(KEPT, text);
      check();
    },
    "Model in YAML",
  );
  const faults = element("ul", { class: "faults", id: "faults", "aria-live": "polite" });
  const found = element("div", { id: "counted", "aria-live": "polite" }, element("p", { class: "quiet" }, "Counting …"));

  async function count() {
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    try {
      const said = await call("/v1/model", { body: write.text, type: "application/yaml", signal: mine.signal });
      if (mine !== asked) return;
      mark([]);
      replace(found, whole(said, signal));
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      if (!(problem instanceof Faults)) {
        replace(found, element("p", { class: "bad-text" }, "The server does not answer."));
        return;
      }
      mark(problem.status === 422 ? problem.faults : []);
      replace(found, element("p", { class: "quiet" }, problem.status === 422 ? "Nothing is counted while there are faults." : problem.message));
    }
  }

  const check = later(180, count);

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

  signal.addEventListener("abort", () => asked?.abort());
  replace(
    main,
    element(
      "div",
      { class: "columns" },
      element("section", { class: "panel" }, element("div", { class: "row spread" }, element("h1", {}, "Model"), element("div", { class: "row" }, fileButton("Open file", (file) => openFile(file, on).catch((problem) => say(problem.message)), "file"), element("button", { type: "button", onclick: () => on.sweep(write.text) }, "Sweep it"))), write.element, faults),
      element("section", { class: "panel", "aria-label": "What it counts to" }, found),
    ),
  );
  write.text = sessionStorage.getItem(KEPT) ?? START;
  count();
  return { open: (text) => write.open(text) };
}

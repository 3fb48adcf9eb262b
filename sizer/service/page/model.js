// A model of named blocks: written, and counted as one types.
import { call } from "./api.js";
import { element, later, replace, say } from "./dom.js";
import { editor } from "./editor.js";
import { faultList } from "./faults.js";
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
  const faults = faultList(write);
  const found = element("div", { id: "counted", "aria-live": "polite" }, element("p", { class: "quiet" }, "Counting …"));

  async function count() {
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    try {
      const said = await call("/v1/model", { body: write.text, type: "application/yaml", signal: mine.signal });
      if (mine !== asked) return;
      faults.show([]);
      replace(found, whole(said, signal));
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      faults.refuse(problem, found);
    }
  }

  const check = later(180, count);

  signal.addEventListener("abort", () => asked?.abort());
  replace(
    main,
    element(
      "div",
      { class: "columns" },
      element("section", { class: "panel" }, element("div", { class: "row spread" }, element("h1", {}, "Model"), element("div", { class: "row" }, fileButton("Open file", (file) => openFile(file, on).catch((problem) => say(problem.message)), "file"), element("button", { type: "button", onclick: () => on.sweep(write.text) }, "Sweep it"))), write.element, faults.element),
      element("section", { class: "panel", "aria-label": "Its count" }, found),
    ),
  );
  write.text = sessionStorage.getItem(KEPT) ?? START;
  count();
  return { open: (text) => write.open(text) };
}

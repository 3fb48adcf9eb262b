// One configuration: its tensors, the formula, and the code that builds it.
import { call, Faults } from "./api.js";
import { element, number, replace, say } from "./dom.js";
import { product } from "./exact.js";
import { tabsOf } from "./new.js";

export async function breakdown(place, path, signal) {
  replace(place, element("p", { class: "quiet" }, "Counting …"));
  const found = await call(path, { signal });
  const about = element("div", {}, tensors(found), element("h2", {}, "Formula"), element("p", { class: "formula" }, found.formula));
  replace(
    place,
    element(
      "div",
      { class: "row spread" },
      element("h2", {}, `${number(found.weights)} weights`),
      element("a", { class: "button", href: `/compare?${fieldsOf(found.configuration)}` }, "Under every convention"),
    ),
    element("p", { class: "quiet" }, `${number(found.macs_per_step)} multiply-accumulates and ${number(found.state_size)} scalars of state a step`),
    tabsOf([
      ["Tensors", about],
      ["PyTorch", ...codeOf(found.configuration, "torch", signal)],
      ["Keras", ...codeOf(found.configuration, "keras", signal)],
    ]),
  );
}

function fieldsOf(configuration) {
  const said = Object.entries(configuration).filter(([, value]) => value !== 0 && value !== false && value !== null);
  return new URLSearchParams(said.filter(([name]) => !["output_bias", "projection_bias", "bias_vectors", "peepholes", "convention"].includes(name)));
}

function tensors(found) {
  const rows = found.sections.flatMap((section) => [
    element("tr", {}, element("th", { class: "word", colSpan: 3 }, section.title), element("th", {}, section.times > 1 ? `× ${section.times}` : "")),
    ...section.tensors.map((tensor) =>
      element(
        "tr",
        {},
        element("td", { class: "word" }, tensor.name + (tensor.shared ? " (shared)" : "")),
        element("td", {}, tensor.shape.map(number).join(" × ")),
        element("td", {}, number(tensor.weights)),
        element("td", {}, number(product(tensor.weights, section.times))),
      ),
    ),
  ]);
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, element("th", { class: "word" }, "Tensor"), ...["Shape", "Weights", "In all"].map((word) => element("th", {}, word)))),
      element("tbody", {}, rows, element("tr", {}, element("th", { class: "word", colSpan: 3 }, "Sum"), element("th", {}, number(found.weights)))),
    ),
  );
}

function codeOf(configuration, to, signal) {
  const place = element("div");
  const network = Object.fromEntries(Object.entries(configuration).filter(([, value]) => value !== null));
  const show = async () => {
    try {
      const { code } = await call("/v1/code", { body: { network, to }, signal });
      replace(
        place,
        element("button", { type: "button", onclick: () => navigator.clipboard.writeText(code).then(() => say("Copied."), () => say("The browser does not let it be copied.")) }, "Copy"),
        element("pre", { class: "code", tabIndex: 0 }, code),
      );
    } catch (problem) {
      if (problem instanceof Faults) replace(place, element("p", { class: "quiet" }, problem.message));
      else if (problem.name !== "AbortError") throw problem;
    }
  };
  return [place, show];
}

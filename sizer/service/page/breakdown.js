// One configuration: its tensors, the formula, and the code that builds it.
import { call, Faults } from "./api.js";
import { element, number, replace, say } from "./dom.js";
import { product, whole as wholeNumber } from "./exact.js";
import { networkWords } from "./look.js";
import { tabsOf } from "./new.js";

export async function breakdown(place, path, signal, named) {
  replace(place, element("p", { class: "quiet" }, "Counting …"));
  replace(place, whole(await call(path, { signal }), signal, named));
}

// Everything that is said of one network, or of a model of blocks.
// named: {id, swept}: which row of a table it is, and the columns that tell it from the others.
export function whole(found, signal, named = {}) {
  return found.blocks?.length ? modelOf(found, named) : networkOf(found, signal, named);
}

// What the network is called where it is one of many.
function title(found, { id, swept }) {
  const values = (swept ?? []).map((path) => [path, valueAt(found.configuration, path)]).filter(([, value]) => value !== undefined);
  const which = id === undefined ? "" : `Configuration ${number(wholeNumber(String(id)))}`;
  const words = found.blocks?.length
    ? `${found.configuration.convention ?? "textbook"} · ${found.blocks.length} blocks, ${found.blocks[0].name} to ${found.blocks.at(-1).name}`
    : networkWords(found.configuration);
  return [
    element("h2", { class: "name" }, [which, words].filter(Boolean).join(": ")),
    values.length && found.blocks?.length ? element("p", { class: "values" }, values.map(([path, value]) => `${path} ${Array.isArray(value) ? value.map(number).join(", ") : number(value)}`).join(" · ")) : null,
  ];
}

// A swept field of a configuration by its path, which may lead through blocks, groups and a place of a list.
function valueAt(configuration, path) {
  let node = configuration;
  for (const part of path.split(".")) {
    if (node === null || typeof node !== "object") return undefined;
    node = Array.isArray(node) ? node[Number(part) - 1] : node[part] ?? node.blocks?.[part];
  }
  return node;
}

function networkOf(found, signal, named) {
  const about = element("div", {}, tensors(found), element("h2", {}, "Formula"), element("p", { class: "formula" }, found.formula));
  return [
    element(
      "div",
      { class: "row spread" },
      element("div", {}, title(found, named), element("p", { class: "large" }, `${number(found.weights)} weights`)),
      element("a", { class: "button", href: `/compare?${fieldsOf(found.configuration)}` }, "Under every convention"),
    ),
    element("p", { class: "quiet" }, `${number(found.macs_per_step)} multiply-accumulates and ${number(found.state_size)} values of state per step`),
    tabsOf([
      ["Tensors", about],
      ["PyTorch", ...codeOf(found.configuration, "torch", signal)],
      ["Keras", ...codeOf(found.configuration, "keras", signal)],
    ]),
  ];
}

// A model, block by block; each opens to its tensors and its formula.
function modelOf(found, named) {
  const macs = Object.entries(found)
    .filter(([name]) => name.startsWith("macs_per_") && name !== "macs_per_step")
    .map(([name, value]) => `${number(value)} per ${name.slice("macs_per_".length).replace("_x_", " x ")}`);
  const trained = Number(found.trained_weights) === Number(found.weights) ? "" : `${number(found.trained_weights)} of them are trained`;
  const beside = Number(found.buffer_values) ? `${number(found.buffer_values)} values besides them` : "";
  const said = [trained, beside, macs.length ? `multiply-accumulates: ${macs.join(", ")}` : "", `${number(found.state_size)} values of state`];
  return [
    title(found, named),
    element("p", { class: "large" }, `${number(found.weights)} weights`),
    element("p", { class: "quiet" }, said.filter(Boolean).join(" · ")),
    element("div", { class: "blocks" }, found.blocks.map((block) => blockOf(block, found))),
  ];
}

function blockOf(block, found) {
  const share = Number(block.share);
  const bar = element("div", { class: "share" }, element("div", {}));
  bar.firstChild.style.width = `${100 * share}%`;
  const steps = Object.entries(block.steps).map(([clock, often]) => (often === "1" ? `every step of ${clock}` : `${often} of the steps of ${clock}`));
  const width = Number(block.height) > 1 ? `${number(block.width)} values, ${number(block.height)} high` : `${number(block.width)} values`;
  const about = [`output width ${width}`, ...steps, block.frozen ? "frozen" : "", block.shared ? `the weights of ${block.shared}` : ""];
  const sections = found.sections.filter((section) => section.block === block.name);
  return element(
    "details",
    { name: block.name },
    element(
      "summary",
      {},
      element("span", { class: "word" }, block.name),
      element("span", { class: "quiet" }, block.type),
      element("span", { class: "figure" }, number(block.weights)),
      element("span", { class: "figure quiet" }, `${(100 * share).toFixed(1)}%`),
      bar,
    ),
    element("p", { class: "quiet" }, about.filter(Boolean).join(" · ")),
    sections.length ? tensors({ sections, weights: block.weights }) : null,
    block.formula ? element("p", { class: "formula" }, block.formula) : null,
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
        element("button", { type: "button", onclick: () => navigator.clipboard.writeText(code).then(() => say("Copied."), () => say("The browser does not allow copying.")) }, "Copy"),
        element("pre", { class: "code", tabIndex: 0 }, code),
      );
    } catch (problem) {
      if (problem instanceof Faults) replace(place, element("p", { class: "quiet" }, problem.message));
      else if (problem.name !== "AbortError") throw problem;
    }
  };
  return [place, show];
}

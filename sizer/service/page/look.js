// Look into a model file. Of safetensors the browser reads the header and sends that alone.
import { call, Faults } from "./api.js";
import { bytes, element, number, replace, say, short } from "./dom.js";
import { fileButton } from "./opening.js";

const WHOLE = 64 * 1048576;
const END = 16 * 1048576;
const SHOWN = 12;
const BY = { stated: "stated by the format", names: "by names", shape: "by shape only" };
const BESIDE = [
  ["buffer_values", "in buffers"],
  ["whole_number_values", "that are integers or quantisation scales"],
  ["constant_values", "in constants of the graph"],
  ["optimizer_values", "of an optimizer"],
];
// What was looked at last, for who comes back.
let last = null;

export function showLook(main, signal, go, on) {
  const found = element("div", { id: "looked", "aria-live": "polite" });
  let asked = null;

  async function look(file) {
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    replace(found, element("p", { class: "quiet" }, `Looking into ${file.name} …`));
    try {
      const { body, about } = await partOf(file);
      const said = await call(`/v1/look?${new URLSearchParams({ name: file.name.slice(-200), ...about })}`, { body, type: "application/octet-stream", signal: mine.signal });
      if (mine !== asked) return;
      last = { said, size: file.size, sent: body.size };
      replace(found, answer(last, on));
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      const words = problem instanceof Faults ? problem.faults.map((fault) => fault.message).join("; ") : `it cannot be sent (${problem.message})`;
      replace(found, element("h2", {}, file.name), element("p", { class: "bad-text" }, words));
    }
  }

  signal.addEventListener("abort", () => asked?.abort());
  replace(
    main,
    element("div", { class: "row spread" }, element("h1", {}, "Look into a model file"), element("div", {}, fileButton("Choose a file", look, "file"))),
    element(
      "p",
      { class: "quiet" },
      "Drop a checkpoint here: safetensors, PyTorch, Keras, ONNX, Flax, NumPy, Kaldi and others. The server reads names and shapes, not weights, and executes and stores nothing.",
    ),
    found,
  );
  if (last) replace(found, answer(last, on));
  return { look };
}

// The bytes of a file that are sent: the header of safetensors, a whole file, or the two ends of a long one.
async function partOf(file) {
  const start = new Uint8Array(await file.slice(0, 9).arrayBuffer());
  const length = new DataView(start.buffer).byteLength === 9 ? Number(new DataView(start.buffer).getBigUint64(0, true)) : 0;
  if (start[8] === 0x7b && length >= 2 && length <= file.size - 8 && length < WHOLE - 8) {
    return { body: file.slice(0, 8 + length), about: { size: file.size, head: 8 + length } };
  }
  if (file.size <= WHOLE) return { body: file.slice(), about: {} };
  return { body: new Blob([file.slice(0, END), file.slice(-END)]), about: { size: file.size, head: END } };
}

function answer({ said, size, sent }, on) {
  const left = said.unexplained.reduce((sum, one) => sum + Number(one.weights), 0);
  const beside = BESIDE.filter(([name]) => Number(said[name])).map(([name, words]) => `${number(said[name])} values ${words}`);
  const around = new Map();
  for (const block of said.blocks) {
    const [times, weights] = around.get(block.type) ?? [0, 0];
    around.set(block.type, [times + 1, weights + Number(block.weights)]);
  }
  return [
    element(
      "section",
      { class: "panel" },
      element("div", { class: "row spread" }, element("h2", { class: "name" }, said.file), element("span", { class: "quiet small" }, sent < size ? `${bytes(size)}, of which ${bytes(sent)} were sent` : bytes(size))),
      element("p", { class: "large" }, `${number(said.weights)} weights`),
      element("p", { class: "quiet" }, [said.format, said.producer, `${number(said.tensors)} tensors`, Number(said.recurrent_weights) ? `${short(said.recurrent_weights)} of the weights recurrent` : ""].filter(Boolean).join(" · ")),
      element(
        "div",
        { class: "row" },
        said.sweep_text ? element("button", { type: "button", class: "main", id: "sweep-around", onclick: () => on.text(said.sweep_text) }, "Open a sweep around it") : null,
        said.model_text ? element("button", { type: "button", id: "as-model", onclick: () => on.text(said.model_text) }, "Open as a model of blocks") : null,
        element("button", { type: "button", onclick: () => navigator.clipboard.writeText(JSON.stringify(said, (_, value) => (typeof value === "bigint" ? String(value) : value), 2)).then(() => say("Copied."), () => say("The browser does not allow copying.")) }, "Copy as JSON"),
      ),
    ),
    said.networks.length ? networks(said) : element("p", {}, "No recurrent network."),
    around.size
      ? element("p", {}, said.networks.length ? "Around them: " : "Found: ", [...around].map(([type, [times, weights]]) => `${number(times)} ${type} (${number(weights)})`).join(", "))
      : null,
    left
      ? element(
          "section",
          {},
          element("h2", {}, `Not explained: ${number(left)} weights in ${number(said.unexplained.length)} tensor${said.unexplained.length === 1 ? "" : "s"}`),
          table(["Tensor", "Shape", "Weights"], said.unexplained.slice(0, SHOWN).map((one) => [one.name, one.shape.map(number).join(" × ") || "1", number(one.weights)])),
          said.unexplained.length > SHOWN ? element("p", { class: "quiet" }, `and ${number(said.unexplained.length - SHOWN)} more`) : null,
        )
      : element("p", {}, Number(said.weights) ? `All ${number(said.weights)} weights are explained.` : "It holds no weights."),
    beside.length ? element("p", {}, `Besides the weights: ${beside.join(", ")}.`) : null,
    said.tied.length ? element("p", {}, said.tied.slice(0, 3).map(([copy, original]) => `${copy} is ${original}, counted once`).join("; ")) : null,
    element("ul", { class: "quiet small" }, said.notes.map((note) => element("li", {}, note))),
  ];
}

function networks(said) {
  const rows = said.networks.slice(0, SHOWN).flatMap((one) => [
    [one.name, networkWords(one.fields), number(one.weights), `${((100 * Number(one.weights)) / Math.max(1, Number(said.weights))).toFixed(1)}%`, BY[one.by] + (one.rules_by === "shape" && one.by !== "shape" ? "; convention by shape" : "")],
    ...one.readings.map((reading) => ["", `or ${networkWords(reading)}`, "", "", "the same shapes"]),
  ]);
  return [
    table(["Network", "What it is", "Weights", "Of the file", "Found"], rows, [0, 1, 4]),
    said.networks.length > SHOWN ? element("p", { class: "quiet" }, `and ${number(said.networks.length - SHOWN)} more`) : null,
  ];
}

function table(heads, rows, words = [0]) {
  const cell = (kind, text, at) => element(kind, { class: words.includes(at) ? "word wrap-any" : "", "data-head": heads[at] }, text);
  return element(
    "div",
    { class: "scroll" },
    element("table", { class: "cards" }, element("thead", {}, element("tr", {}, heads.map((text, at) => cell("th", text, at)))), element("tbody", {}, rows.map((row) => element("tr", {}, row.map((text, at) => cell("td", text, at)))))),
  );
}

// A recurrent stack in words: pytorch · 2 lstm layers, 80 -> 1,024, r = 256.
export function networkWords(fields) {
  const several = (value) => (Array.isArray(value) ? value.map(number).join(", ") : number(value));
  const layers = Array.isArray(fields.layers) ? fields.layers.length : (fields.layers ?? 1);
  const front = Number(fields.vocabulary) ? [`${number(fields.vocabulary)} words`, number(fields.embedding)] : fields.inputs === undefined ? [] : [number(fields.inputs)];
  const behind = Number(fields.outputs) ? [number(fields.outputs)] : [];
  const words = [`${number(layers)} ${fields.cell_type} layer${Number(layers) === 1 ? "" : "s"}`, [...front, several(fields.cells), ...behind].join(" -> ")];
  for (const [name, letter] of [["recurrent_projection", "r"], ["nonrecurrent_projection", "p"]]) {
    if ([fields[name]].flat().some((value) => Number(value))) words.push(`${letter} = ${several(fields[name])}`);
  }
  for (const name of ["bidirectional", "skip_connections", "peepholes"]) if ([fields[name]].flat().some((value) => value === true)) words.push(name.replace("_", " "));
  return [fields.convention, words.join(", ")].filter(Boolean).join(" · ");
}

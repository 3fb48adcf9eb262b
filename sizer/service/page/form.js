// A form over a sweep's text: each field is a place in the text, and changes nothing but that place.
import { call } from "./api.js";
import { element, replace } from "./dom.js";
import { outline, Unreadable } from "./outline.js";

const EMPTY = "sizer: 1\nname: my-sweep\nmodel:\n  convention: pytorch\n  cell_type: lstm\n  inputs: 80\ngrid:\n  layers: [1]\n  cells: [128]\n";
const WORDS = [
  ["name", ["name"], "Name"],
  ["convention", ["model", "convention"], "Convention"],
  ["cell_type", ["model", "cell_type"], "Cell type"],
  ["inputs", ["model", "inputs"], "Inputs"],
  ["outputs", ["model", "outputs"], "Outputs"],
  ["budget", ["budget", "weights", "max"], "At most (weights)"],
];
const AXES = [
  ["layers", "Layers"],
  ["cells", "Cells"],
  ["recurrent_projection", "Recurrent projection (none: 0)"],
];
const CHOICES = { convention: ["pytorch"], cell_type: ["lstm", "gru", "rnn"] };
const ENDS = ["from", "to", "step"];

// onText(text) is told the whole text after each change.
export function sweepForm(onText, signal) {
  const notes = element("ul", { class: "quiet small notes", id: "form-notes", "aria-live": "polite" });
  const field = ([name, , title]) =>
    element(
      "label",
      {},
      title,
      CHOICES[name]
        ? element("select", { name }, CHOICES[name].map((word) => element("option", {}, word)))
        : element("input", { name, autocomplete: "off", ...(["inputs", "outputs"].includes(name) ? { inputmode: "numeric" } : {}) }),
    );
  const range = ([name, title]) =>
    element(
      "fieldset",
      { name },
      element("legend", {}, title),
      ENDS.map((end) => element("label", {}, end, element("input", { name: `${name}.${end}`, inputmode: "numeric", autocomplete: "off" }))),
    );
  const form = element(
    "form",
    { class: "fields", oninput: write, onsubmit: (event) => event.preventDefault() },
    WORDS.map(field),
    AXES.map(range),
    element("label", { class: "check" }, element("input", { type: "checkbox", name: "both" }), "One and two directions"),
    notes,
  );
  let text = "";
  let found = null;
  let before = {};

  call("/v1/conventions", { signal }).then(
    (said) => {
      const chosen = form.elements.convention.value;
      replace(form.elements.convention, said.conventions.map((one) => element("option", { value: one.convention }, `${one.convention}: ${one.title}`)));
      set("convention", chosen);
    },
    () => {},
  );

  function set(name, value) {
    const control = form.elements[name];
    if (control.tagName === "SELECT" && ![...control.options].some((option) => option.value === value)) control.append(element("option", { value }, value));
    control.value = value;
  }

  // Show what the text says; a field of which the form cannot say what the text says can only be changed there.
  function read(given) {
    text = given.trim() ? given : EMPTY;
    found = null;
    before = {};
    const said = [];
    try {
      found = outline(text);
    } catch (problem) {
      if (!(problem instanceof Unreadable)) throw problem;
      said.push(`The form cannot read the text from line ${problem.line} on, and leaves it as it is.`);
    }
    const close = (names, closed, why) => {
      for (const name of names) form.elements[name].disabled = closed;
      if (closed && why) said.push(why);
    };
    for (const [name, path, title] of WORDS) {
      const [value, why] = found ? wordAt(found, path) : ["", ""];
      before[name] = value;
      set(name, value);
      close([name], !found || Boolean(why), why && `${title}: ${why}`);
    }
    for (const [name, title] of AXES) {
      const [values, why] = found ? axisAt(found, name) : [["", "", ""], ""];
      ENDS.forEach((end, place) => {
        before[`${name}.${end}`] = values[place];
        set(`${name}.${end}`, values[place]);
      });
      close([name], !found || Boolean(why), why && `${title}: ${why}`);
    }
    const [both, why] = found ? directionsAt(found) : [false, ""];
    before.both = both;
    form.elements.both.checked = both;
    close(["both"], !found || Boolean(why), why && `Directions: ${why}`);
    replace(notes, said.map((line) => element("li", {}, line)));
  }

  function write() {
    if (!found) return;
    const changes = [];
    for (const [name, path] of WORDS) {
      const value = form.elements[name].value.trim();
      if (value !== before[name]) changes.push(change(text, found, path, value === "" ? "" : plain(value)));
    }
    for (const [name] of AXES) {
      const values = ENDS.map((end) => form.elements[`${name}.${end}`].value.trim());
      if (ENDS.some((end, place) => values[place] !== before[`${name}.${end}`])) {
        const [from, to, step] = values.map(plain);
        const axis = !from && !to ? "" : from === to || !to ? `[${from}]` : `{from: ${from}, to: ${to}, step: ${step || 1}}`;
        changes.push(change(text, found, ["grid", name], axis));
      }
    }
    if (form.elements.both.checked !== before.both) {
      changes.push(change(text, found, ["grid", "bidirectional"], form.elements.both.checked ? "[false, true]" : ""));
    }
    onText(applied(text, changes));
  }

  return { element: form, read };
}

// A value as YAML takes it, whatever a person types.
function plain(value) {
  return /^[A-Za-z0-9_.+-]*$/.test(value) ? value : JSON.stringify(value);
}

function entryAt(found, path) {
  let node = found;
  let entry = null;
  for (const key of path) {
    if (!node.entries) return null;
    entry = Object.hasOwn(node.entries, key) ? node.entries[key] : null;
    if (!entry) return null;
    node = entry.value;
  }
  return entry;
}

// Why a place that is not in the text cannot be made there; empty where it can.
function closed(found, path) {
  for (let depth = 1; depth < path.length; depth++) {
    const entry = entryAt(found, path.slice(0, depth));
    if (entry && !["block", "flow", "empty"].includes(entry.value.kind)) return `${path.slice(0, depth).join(".")} is written in a way that has no field here`;
  }
  return "";
}

function wordAt(found, path) {
  const other = path[0] === "model" && entryAt(found, ["grid", path[1]]);
  if (other) return ["", "varies, in the grid of the text"];
  const entry = entryAt(found, path);
  if (!entry || entry.value.kind === "empty") return ["", closed(found, path)];
  if (entry.value.kind === "word") return [entry.value.word, ""];
  return ["", "is written in a way that has no field here"];
}

function axisAt(found, name) {
  const none = ["", "", ""];
  if (entryAt(found, ["model", name])) return [none, "does not vary: it is in the model of the text"];
  const entry = entryAt(found, ["grid", name]);
  if (!entry) return [none, closed(found, ["grid", name]) || (entryAt(found, ["grid", "linked"]) ? "may be among the linked ones of the text" : "")];
  const node = entry.value;
  if (node.kind === "empty") return [none, ""];
  if (node.kind === "list" && node.items.length && node.items.every((item) => item.kind === "word")) {
    const words = node.items.map((item) => item.word);
    if (words.length === 1) return [[words[0], words[0], ""], ""];
    const numbers = words.map(Number);
    const step = numbers[1] - numbers[0];
    const even = numbers.every((value, place) => Number.isSafeInteger(value) && (!place || value - numbers[place - 1] === step));
    if (even && step > 0) return [[words[0], words.at(-1), String(step)], ""];
    return [none, "a list in the text, which is no range"];
  }
  const entries = node.kind === "flow" || node.kind === "block" ? node.entries : {};
  const whole = ENDS.every((end) => entries[end]?.value.kind === "word") && Object.keys(entries).length === ENDS.length;
  return whole ? [ENDS.map((end) => entries[end].value.word), ""] : [none, "is written in a way that has no field here"];
}

function directionsAt(found) {
  if (entryAt(found, ["model", "bidirectional"])) return [false, "are in the model of the text"];
  const entry = entryAt(found, ["grid", "bidirectional"]);
  if (!entry) return [false, closed(found, ["grid", "bidirectional"])];
  const words = entry.value.kind === "list" ? entry.value.items.map((item) => item.word) : [];
  return words.length === 2 && words.includes("true") && words.includes("false") ? [true, ""] : [false, "are written in a way that has no field here"];
}

// A change as {start, end, words}: a value replaced, taken out, or put where the text has none.
function change(text, found, path, value) {
  const entry = entryAt(found, path);
  if (entry && value !== "") {
    if (entry.value.kind === "block") return { start: blockStart(entry), end: entry.end, words: `${entry.key}: ${value}` };
    const space = entry.value.kind === "empty" ? " " : "";
    return { start: entry.value.start, end: entry.value.end, words: space + value };
  }
  if (entry) return removal(text, found, path);
  if (value === "") return { start: 0, end: 0, words: "" };
  return insertion(text, found, path, value);
}

function blockStart(entry) {
  return entry.start + (entry.indent ?? 0);
}

function removal(text, found, path) {
  const entry = entryAt(found, path);
  const parent = path.length > 1 ? entryAt(found, path.slice(0, -1)).value : found;
  if (path.length > 1 && Object.keys(parent.entries).length === 1) {
    const own = entryAt(found, path.slice(0, -1));
    // What would be left of it has a comment: then only the value goes.
    if (!text.slice(own.start, own.end).includes("#")) return removal(text, found, path.slice(0, -1));
  }
  if (parent.kind === "flow") {
    const after = /^ *, */.exec(text.slice(entry.end));
    const before = /, *$/.exec(text.slice(0, entry.start));
    if (after) return { start: entry.start, end: entry.end + after[0].length, words: "" };
    return { start: entry.start - (before ? before[0].length : 0), end: entry.end, words: "" };
  }
  const comment = /(?:^|\s)(#.*)$/.exec(text.slice(entry.value.end, entry.end));
  if (comment) return { start: blockStart(entry), end: entry.end, words: comment[1] };
  return { start: entry.start, end: Math.min(text.length, entry.end + 1), words: "" };
}

function insertion(text, found, path, value) {
  let depth = path.length - 1;
  while (depth && !entryAt(found, path.slice(0, depth))) depth--;
  const rest = path.slice(depth);
  const above = depth ? entryAt(found, path.slice(0, depth)) : { value: found, end: text.length };
  const flow = rest.slice(1).reduceRight((inner, key) => `{${key}: ${inner}}`, value);
  if (above.value.kind === "flow") {
    const entries = Object.keys(above.value.entries).length;
    const at = above.value.end - 1;
    return { start: at, end: at, words: `${entries ? ", " : ""}${rest[0]}: ${flow}` };
  }
  if (!depth && rest.length > 1) {
    const inner = rest.slice(2).reduceRight((within, key) => `{${key}: ${within}}`, value);
    return lineAfter(text, text.trimEnd().length, `${rest[0]}:\n  ${rest[1]}: ${inner}`);
  }
  const indent = above.value.kind === "block" ? above.value.indent : (above.indent ?? 0) + 2;
  const ends = Object.values(above.value.entries ?? {}).map((entry) => entry.end);
  return lineAfter(text, ends.length ? Math.max(...ends) : above.end, `${" ".repeat(indent)}${rest[0]}: ${flow}`);
}

function lineAfter(text, at, line) {
  return { start: at, end: at, words: `${at ? "\n" : ""}${line}${at === text.length ? "\n" : ""}` };
}

function applied(text, changes) {
  // From the end to the beginning, so that no place moves; of those at one place the first asked for stands first.
  const order = changes.map((one, place) => [one, place]).sort(([a, i], [b, j]) => b.start - a.start || j - i);
  return order.reduce((whole, [one]) => whole.slice(0, one.start) + one.words + whole.slice(one.end), text);
}

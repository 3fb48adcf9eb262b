// A field for a sweep's text: line numbers, faults at their lines, completion from the schema.
import { element, replace } from "./dom.js";
import { historyOf } from "./history.js";

const LINE = 20;
const PADDING = 9.6;

export function editor(schema, onChange, label = "Sweep in YAML") {
  const gutter = element("pre", { class: "gutter", "aria-hidden": "true" });
  const behind = element("div", { class: "behind" });
  const choices = element("ul", { class: "choices", role: "listbox", id: "choices", hidden: true });
  const field = element("textarea", {
    spellcheck: false,
    autocapitalize: "off",
    autocomplete: "off",
    "aria-label": label,
    "aria-describedby": "faults",
    "aria-controls": "choices",
    wrap: "off",
  });
  const whole = element("div", { class: "editor" }, gutter, element("div", { class: "text" }, behind, field, choices));
  let faults = [];
  let offered = [];
  let chosen = 0;
  let inserting = false;

  function draw() {
    const lines = field.value.split("\n").length;
    const bad = new Set(faults.map((fault) => fault.line).filter((line) => line <= lines));
    replace(gutter, Array.from({ length: lines }, (_, at) => [element("span", { class: bad.has(at + 1) ? "bad" : "" }, String(at + 1)), "\n"]));
    replace(
      behind,
      [...bad].filter(Boolean).map((line) => {
        const stripe = element("div", { class: "stripe" });
        stripe.style.top = `${PADDING + (line - 1) * LINE - field.scrollTop}px`;
        return stripe;
      }),
    );
    gutter.scrollTop = field.scrollTop;
  }

  function close() {
    choices.hidden = true;
    field.removeAttribute("aria-activedescendant");
    offered = [];
  }

  function offer(asked) {
    const { start, word, candidates } = completions(schema(), field.value, field.selectionStart);
    offered = candidates.filter((one) => one.text.startsWith(word) && one.text !== word).slice(0, 40);
    if (!offered.length || (!asked && !word)) return close();
    chosen = 0;
    const before = field.value.slice(0, start);
    const line = before.split("\n").length;
    const column = start - before.lastIndexOf("\n") - 1;
    choices.hidden = false;
    drawChoices();
    const below = PADDING + line * LINE - field.scrollTop;
    const above = below - LINE - choices.offsetHeight;
    choices.style.top = `${below + choices.offsetHeight > field.clientHeight && above > 0 ? above : below}px`;
    choices.style.left = `${Math.max(0, Math.min(field.clientWidth - choices.offsetWidth, 10 + column * 8.1 - field.scrollLeft))}px`;
  }

  function drawChoices() {
    replace(
      choices,
      offered.map((one, at) =>
        element(
          "li",
          {
            role: "option",
            id: `choice-${at}`,
            "aria-selected": String(at === chosen),
            onpointerdown: (event) => {
              event.preventDefault();
              take(at);
            },
          },
          one.text,
          one.about ? element("small", {}, one.about) : null,
        ),
      ),
    );
    field.setAttribute("aria-activedescendant", `choice-${chosen}`);
    choices.children[chosen]?.scrollIntoView({ block: "nearest" });
  }

  function take(at) {
    const { start } = completions(schema(), field.value, field.selectionStart);
    const after = offered[at].text + (offered[at].after ?? "");
    close();
    insert(after, start, field.selectionStart);
  }

  // As if it were typed.
  function insert(text, start, end) {
    field.focus();
    field.setSelectionRange(start, end);
    inserting = true;
    try {
      if (!(text ? document.execCommand("insertText", false, text) : start === end || document.execCommand("delete"))) {
        field.setRangeText(text, start, end, "end");
        past.record("insert");
        changed();
      }
    } finally {
      inserting = false;
      past.pause();
    }
  }

  function changed() {
    draw();
    onChange(field.value);
  }

  const past = historyOf(field, () => {
    close();
    changed();
    reveal();
  });

  function reveal() {
    const top = (field.value.slice(0, field.selectionStart).split("\n").length - 1) * LINE;
    if (top < field.scrollTop || top + 2 * LINE > field.scrollTop + field.clientHeight) field.scrollTop = Math.max(0, top - 5 * LINE);
  }

  field.addEventListener("input", (event) => {
    past.record(inserting ? "insert" : event.inputType, event.data ?? "");
    changed();
    if (!inserting) offer(false);
  });
  field.addEventListener("scroll", draw);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      offer(true);
    } else if (!choices.hidden && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length;
      drawChoices();
    } else if (!choices.hidden && ["Enter", "Tab"].includes(event.key)) {
      event.preventDefault();
      take(chosen);
    } else if (!choices.hidden && event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter") {
      // The next line begins where this one does.
      const line = field.value.slice(field.value.lastIndexOf("\n", field.selectionStart - 1) + 1, field.selectionStart);
      const indent = line.match(/^ */)[0] + (/:\s*$/.test(line) ? "  " : "");
      event.preventDefault();
      insert(`\n${indent}`, field.selectionStart, field.selectionEnd);
    }
  });
  return {
    element: whole,
    get text() {
      return field.value;
    },
    set text(value) {
      field.value = value;
      past.begin();
      draw();
    },
    // A text that was made elsewhere; all that is made there until the text is seen again is one step to be undone.
    replace(value) {
      field.value = value;
      past.record("form");
      draw();
    },
    settle() {
      past.pause();
      draw();
    },
    mark(found) {
      faults = found;
      draw();
    },
    goTo(line, column) {
      const before = field.value.split("\n").slice(0, line - 1);
      const at = before.reduce((sum, text) => sum + text.length + 1, 0) + Math.max(0, column - 1);
      field.focus();
      field.setSelectionRange(at, at);
      field.scrollTop = Math.max(0, (line - 6) * LINE);
    },
  };
}

// What may stand at a place of the text: keys of the mapping that it is in, or the words that a key takes.
export function completions(schema, text, at) {
  const lineStart = text.lastIndexOf("\n", at - 1) + 1;
  const line = text.slice(lineStart, at);
  const word = line.match(/[A-Za-z0-9_.-]*$/)[0];
  const start = at - word.length;
  const nothing = { start, word, candidates: [] };
  if (!schema || line.includes("#")) return nothing;
  const path = parents(text.slice(0, lineStart), line);
  const head = line.slice(0, line.length - word.length);
  // Inside of {a: 1, b: ...} on one line, the mapping's own key comes before the brace.
  const flow = head.match(/(?:^|[\s,{[])([A-Za-z_]+)\s*:\s*\{([^}]*)$/);
  if (flow) path.push(flow[1]);
  const inner = flow ? flow[2] : head.replace(/^\s*-\s*/, "");
  const key = inner.match(/([A-Za-z_]+)\s*:\s*(\[[^\]]*)?$/);
  if (key) {
    const words = values(schema, [...path, key[1]]);
    return { start, word, candidates: words.map((one) => ({ text: one })) };
  }
  if (inner.trim() && !(flow && /,\s*$/.test(inner))) return nothing;
  const candidates = Object.entries(keys(schema, path)).map(([name, about]) => ({
    text: name,
    after: ": ",
    about: about.description ?? about.title,
  }));
  return { start, word, candidates };
}

function parents(before, line) {
  const path = [];
  let indent = line.match(/^ */)[0].length;
  for (const text of before.split("\n").reverse()) {
    const found = text.match(/^( *)(?:- )?([A-Za-z_]+)\s*:\s*(?:#.*)?$/);
    if (found && found[1].length < indent) {
      path.unshift(found[2]);
      indent = found[1].length;
    } else if (text.trim() && !text.trim().startsWith("#")) {
      const depth = text.match(/^ */)[0].length;
      if (depth < indent) indent = depth + (depth ? 0 : 1);
    }
    if (!indent) break;
  }
  return path;
}

function nodes(schema, node, depth = 0) {
  if (!node || typeof node !== "object" || depth > 8) return [];
  const referred = node.$ref?.startsWith("#/") ? node.$ref.slice(2).split("/").reduce((found, part) => found?.[part], schema) : null;
  return [
    node,
    ...nodes(schema, referred, depth + 1),
    ...["then", "else"].flatMap((word) => nodes(schema, node[word], depth + 1)),
    ...["anyOf", "oneOf", "allOf"].flatMap((word) => (node[word] ?? []).flatMap((one) => nodes(schema, one, depth + 1))),
  ];
}

function at(schema, path) {
  let found = nodes(schema, schema);
  for (const part of path) {
    found = found.flatMap((node) => [
      ...nodes(schema, node.properties?.[part]),
      ...nodes(schema, node.items?.properties?.[part]),
      ...nodes(schema, node.properties?.[part] ? null : node.additionalProperties),
    ]);
  }
  return found;
}

function keys(schema, path) {
  return Object.assign({}, ...at(schema, path).map((node) => ({ ...node.properties, ...node.items?.properties })));
}

function values(schema, path) {
  const found = at(schema, path).flatMap((node) => [
    ...(node.enum ?? []),
    ...(node.const === undefined ? [] : [node.const]),
    ...([node.type].flat().includes("boolean") ? [true, false] : []),
    ...nodes(schema, node.items).flatMap((item) => item.enum ?? []),
  ]);
  return [...new Set(found.map(String))];
}

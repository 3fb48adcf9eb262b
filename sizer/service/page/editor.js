// A field for a sweep's text: line numbers, faults at their lines, completion from the schema.
import { blocksOf, joinedLines, pathsOf } from "./blocks.js";
import { element, replace } from "./dom.js";
import { historyOf } from "./history.js";

const LINE = 20;
const PADDING = 9.6;

// known() -> {schema, types}: what completion knows of.
export function editor(known, onChange, label = "Sweep in YAML") {
  const numbers = element("div", { class: "numbers" });
  const gutter = element("pre", { class: "gutter", "aria-hidden": "true" }, numbers);
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
  let counted = { text: "", lines: 1 };

  // Only the lines in sight are drawn, however many there are.
  function draw() {
    if (counted.text !== field.value) counted = { text: field.value, lines: field.value.split("\n").length };
    const lines = counted.lines;
    const first = Math.max(0, Math.floor((field.scrollTop - PADDING) / LINE) - 2);
    const last = Math.min(lines, first + Math.ceil((field.clientHeight || 600) / LINE) + 5);
    const bad = new Set(faults.map((fault) => fault.line).filter((line) => line && line <= lines));
    numbers.style.minWidth = `${String(lines).length}ch`;
    numbers.style.transform = `translateY(${first * LINE - field.scrollTop}px)`;
    replace(numbers, Array.from({ length: last - first }, (_, at) => [element("span", { class: bad.has(first + at + 1) ? "bad" : "" }, String(first + at + 1)), "\n"]));
    replace(
      behind,
      [...bad].filter((line) => line > first && line <= last).map((line) => {
        const stripe = element("div", { class: "stripe" });
        stripe.style.top = `${PADDING + (line - 1) * LINE - field.scrollTop}px`;
        return stripe;
      }),
    );
  }

  function close() {
    choices.hidden = true;
    field.removeAttribute("aria-activedescendant");
    offered = [];
  }

  function offer(asked) {
    const { start, word, candidates } = completions(known().schema, field.value, field.selectionStart, known().types);
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
    const { start } = completions(known().schema, field.value, field.selectionStart, known().types);
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
  let frame = 0;
  field.addEventListener("scroll", () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  });
  new ResizeObserver(draw).observe(field);
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
    // A text that was opened, in place of the one that is there; undo brings that back.
    open(value) {
      past.pause();
      field.value = value;
      past.record("open");
      past.pause();
      field.setSelectionRange(0, 0);
      field.scrollTop = 0;
      changed();
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

const NAMING = ["from", "query", "memory", "shared", "tied", "attends"];

// What may stand at a place of the text: keys of the mapping that it is in, or the words that a key takes.
// types: type of block -> its fields, where the server has told them.
export function completions(schema, text, at, types = null) {
  const typed = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  // Braces may have been opened some lines above.
  const { start: lineStart, text: line } = joinedLines(text.slice(0, at)).at(-1);
  const word = line.match(/[A-Za-z0-9_.-]*$/)[0];
  const start = at - word.length;
  const nothing = { start, word, candidates: [] };
  if (!schema || typed.includes("#")) return nothing;
  const blocks = blocksOf(text);
  const path = parents(text.slice(0, lineStart), line);
  const head = line.slice(0, line.length - word.length);
  if (path[0] === "where" || /^where\s*:\s*\[/.test(head)) return { start, word, candidates: conditionWords(text, blocks, types) };
  // Inside of {a: 1, b: ...} on one line, the mapping's own keys come before the braces.
  const { keys: opened, inner: within } = flow(head);
  path.push(...opened);
  const inner = opened.length ? within : head.replace(/^\s*-\s*/, "");
  const block = blockAt(path, inner, blocks);
  const fields = block && types?.get(block.type);
  const key = inner.match(/([A-Za-z_][\w.]*)\s*:\s*(\[[^\]]*)?$/);
  if (key) {
    const words = block ? blockWords(key[1], block, blocks, fields, types) : key[1] === "of" ? Object.keys(pathsOf(blocks, types)).map((name) => ({ text: name })) : [];
    const known = words.length ? [] : values(schema, [...path, key[1]]).map((one) => ({ text: one }));
    return { start, word, candidates: [...words, ...known] };
  }
  if (inner.trim() && !(opened.length && /,\s*$/.test(inner))) return nothing;
  const offered = Object.entries(keys(schema, path, blocks.length > 0)).map(([name, about]) => ({ text: name, after: ": ", about: about.description ?? about.title }));
  if (block) {
    const common = offered.filter((one) => ["type", "from", "combine", "shared", "frozen", "convention"].includes(one.text));
    if (fields) return { start, word, candidates: [...fields.map((one) => ({ text: one.field, after: ": ", about: one.meaning })), ...common] };
    return { start, word, candidates: block.type ? offered : common };
  }
  const more = [];
  if (blocks.length && path.length === 1 && path[0] === "grid") more.push(...Object.entries(pathsOf(blocks, types)).map(([name, about]) => ({ text: name, after: ": ", about })));
  if (blocks.length && path.length === 1 && path[0] === "budget") more.push(...blocks.map((one) => ({ text: `${one.name}.weights`, after: ": ", about: `The weights of ${one.name}.` })));
  return { start, word, candidates: path.at(-1) === "blocks" ? [] : [...more, ...offered] };
}

// The keys of the braces that are open at the end of a line, and what stands in the innermost.
function flow(head) {
  const open = [];
  for (const brace of head.matchAll(/[{}]/g)) {
    if (brace[0] === "}") open.pop();
    else open.push({ key: /([A-Za-z_][\w.]*)\s*:\s*$/.exec(head.slice(0, brace.index))?.[1] ?? "", from: brace.index + 1 });
  }
  return { keys: open.map((one) => one.key).filter(Boolean), inner: open.length ? head.slice(open.at(-1).from) : head };
}

// The block whose fields stand at a place; null where none do.
function blockAt(path, inner, blocks) {
  if (path.length < 2 || path.at(-2) !== "blocks") return null;
  const name = path.filter((one) => one !== "model" && one !== "blocks").join(".");
  const type = /(?:^|[\s,])type:\s*([A-Za-z_]\w*)/.exec(inner)?.[1];
  return { name, type: type ?? blocks.find((one) => one.name === name)?.type ?? "" };
}

function blockWords(key, block, blocks, fields, types) {
  if (key === "type" && types) return [...types.keys()].map((name) => ({ text: name, about: types.title?.(name) }));
  if (NAMING.includes(key)) return blocks.filter((one) => one.name !== block.name).map((one) => ({ text: one.name.slice(one.name.lastIndexOf(".") + 1), about: one.type }));
  const field = fields?.find((one) => one.field === key);
  if (field?.words.length) return field.words.map((one) => ({ text: one }));
  if (field && ["flag", "flags"].includes(field.kind)) return ["true", "false"].map((one) => ({ text: one }));
  return [];
}

// What a condition speaks of: what is swept first, then every other field.
function conditionWords(text, blocks, types) {
  const swept = [];
  let inside = false;
  for (const line of text.split("\n")) {
    if (/^\S/.test(line)) inside = /^grid\s*:/.test(line);
    const key = inside && /^ +(?:- )?([A-Za-z_][\w.]*)\s*:/.exec(line);
    if (key && key[1] !== "linked") swept.push(key[1]);
  }
  const others = Object.entries(pathsOf(blocks, types)).filter(([name]) => !swept.includes(name));
  return [...[...new Set(swept)].map((name) => ({ text: name, about: "swept" })), ...others.map(([name, about]) => ({ text: name, about }))];
}

function parents(before, line) {
  const path = [];
  let indent = line.match(/^ */)[0].length;
  let end = before.length;
  // Backwards, line by line: the nearest that stand further out are enough.
  while (indent && end > 0) {
    const from = before.lastIndexOf("\n", end - 2) + 1;
    const text = before.slice(from, end).replace(/\n$/, "");
    end = from;
    const found = text.match(/^( *)(?:- )?([A-Za-z_][\w.]*)\s*:\s*(?:#.*)?$/);
    if (found && found[1].length < indent) {
      path.unshift(found[2]);
      indent = found[1].length;
    } else if (text.trim() && !text.trim().startsWith("#")) {
      const depth = text.match(/^ */)[0].length;
      if (depth < indent) indent = depth + (depth ? 0 : 1);
    }
  }
  return path;
}

// blocks: whether the model is one of blocks; undefined where that does not matter.
function nodes(schema, node, blocks, depth = 0) {
  if (!node || typeof node !== "object" || depth > 8) return [];
  const referred = node.$ref?.startsWith("#/") ? node.$ref.slice(2).split("/").reduce((found, part) => found?.[part], schema) : null;
  const about = node.if?.required?.includes("blocks") || node.if?.properties?.model?.required?.includes("blocks");
  const ways = about && blocks !== undefined ? [blocks ? "then" : "else"] : ["then", "else"];
  return [
    node,
    ...nodes(schema, referred, blocks, depth + 1),
    ...ways.flatMap((word) => nodes(schema, node[word], blocks, depth + 1)),
    ...["anyOf", "oneOf", "allOf"].flatMap((word) => (node[word] ?? []).flatMap((one) => nodes(schema, one, blocks, depth + 1))),
  ];
}

function at(schema, path, blocks) {
  let found = nodes(schema, schema, blocks);
  for (const part of path) {
    found = found.flatMap((node) => [
      ...nodes(schema, node.properties?.[part], blocks),
      ...nodes(schema, node.items?.properties?.[part], blocks),
      ...nodes(schema, node.properties?.[part] ? null : node.additionalProperties, blocks),
    ]);
  }
  return found;
}

function keys(schema, path, blocks) {
  return Object.assign({}, ...at(schema, path, blocks).map((node) => ({ ...node.properties, ...node.items?.properties })));
}

function values(schema, path) {
  const found = at(schema, path, undefined).flatMap((node) => [
    ...(node.enum ?? []),
    ...(node.const === undefined ? [] : [node.const]),
    ...([node.type].flat().includes("boolean") ? [true, false] : []),
    ...nodes(schema, node.items).flatMap((item) => item.enum ?? []),
  ]);
  return [...new Set(found.map(String))];
}

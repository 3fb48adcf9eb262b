// The blocks of a model, as far as its text tells them: it may be half written.
const KEY = /^( *)(?:- )?([A-Za-z_][\w.]*)\s*:(?:\s+(.*))?$/;
const INSIDE = /([A-Za-z_]\w*)\s*:\s*\{\s*type:\s*([A-Za-z_]\w*)/g;

// [{name: "group.block", type}], in the order of the text.
export function blocksOf(text) {
  const found = [];
  const open = [];
  for (const { text: line } of joinedLines(text)) {
    const match = KEY.exec(line);
    if (!match) continue;
    const [, before, key, rest = ""] = match;
    while (open.length && open.at(-1).indent >= before.length) open.pop();
    const groups = open.map((one) => one.key).filter((name) => name !== "model" && name !== "blocks");
    if (open.at(-1)?.key === "blocks") {
      found.push({ name: [...groups, key].join("."), type: /(?:^|[{,\s])type:\s*([A-Za-z_]\w*)/.exec(rest)?.[1] ?? "" });
      const inner = /blocks:\s*\{(.*)/.exec(rest);
      if (inner) for (const [, name, type] of inner[1].matchAll(INSIDE)) found.push({ name: [...groups, key, name].join("."), type });
    } else if (key === "type" && open.at(-2)?.key === "blocks" && found.length) {
      found.at(-1).type = rest.replace(/[\s#].*$/, "");
    } else if (key === "blocks") {
      for (const [, name, type] of rest.matchAll(INSIDE)) found.push({ name: [...groups, name].join("."), type });
    }
    open.push({ indent: before.length, key });
  }
  return found;
}

// The lines of a text, those within one pair of braces or brackets as one: {start, text}. Braces go on for as long as
// lines stand deeper than where they opened, so that one that is not closed yet does not swallow what is below.
export function joinedLines(text) {
  const found = [];
  let depth = 0;
  let indent = 0;
  let start = 0;
  for (const line of text.split("\n")) {
    const own = line.search(/\S|$/);
    const said = withoutComment(line);
    const goesOn = depth > 0 && (own > indent || !said.trim() || /^\s*[}\]]/.test(line));
    if (goesOn) found.at(-1).text = `${withoutComment(found.at(-1).text)} ${said.trimStart()}`;
    else {
      found.push({ start, text: line });
      depth = 0;
      indent = own;
    }
    for (const sign of said.replace(/(^|[\s,:{[])("[^"]*"|'[^']*')/g, "$1").matchAll(/[{}[\]]/g)) depth = Math.max(0, depth + ("{[".includes(sign[0]) ? 1 : -1));
    start += line.length + 1;
  }
  return found;
}

const withoutComment = (line) => line.replace(/(^|\s)#.*$/, "");

// Every path of a block's field that can be swept, with what the field means.
export function pathsOf(blocks, types) {
  const found = {};
  for (const block of blocks) {
    for (const field of types?.get(block.type) ?? []) {
      if (!["name", "names", "tensors"].includes(field.field) && !["name", "names", "tensors"].includes(field.kind)) found[`${block.name}.${field.field}`] = field.meaning;
    }
  }
  return found;
}

// The blocks of a model, as far as its text tells them: it may be half written.
const KEY = /^( *)(?:- )?([A-Za-z_][\w.]*)\s*:(?:\s+(.*))?$/;
const INSIDE = /([A-Za-z_]\w*)\s*:\s*\{\s*type:\s*([A-Za-z_]\w*)/g;

// [{name: "group.block", type}], in the order of the text.
export function blocksOf(text) {
  const found = [];
  const open = [];
  for (const line of text.split("\n")) {
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

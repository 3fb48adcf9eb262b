// The outline of a sweep's text: which value stands where, so that one of them can be changed and the rest stays.
// It reads the plain part of YAML; of anything else it says so, and then nothing is changed.

export class Unreadable extends Error {
  constructor(line) {
    super(`line ${line}`);
    this.line = line;
  }
}

const KEY = /^( *)([A-Za-z_]+):(?=[ \n]|$)/;

// text -> {kind: "block", entries: {key: {key, start, end, value}}, indent}
export function outline(text) {
  const lines = [];
  for (let start = 0; start <= text.length; ) {
    const stop = text.indexOf("\n", start);
    const end = stop < 0 ? text.length : stop;
    lines.push({ start, end, text: text.slice(start, end) });
    start = end + 1;
  }
  const blank = (at) => /^\s*(#.*)?$/.test(lines[at].text);
  let at = 0;

  function skip() {
    while (at < lines.length && blank(at)) at++;
  }

  function block(indent) {
    const entries = {};
    for (;;) {
      skip();
      if (at >= lines.length) break;
      const line = lines[at];
      const depth = line.text.match(/^ */)[0].length;
      if (depth < indent) break;
      const found = KEY.exec(line.text);
      if (depth > indent || !found || Object.hasOwn(entries, found[2])) throw new Unreadable(at + 1);
      const entry = { key: found[2], start: line.start, indent };
      const from = line.start + found[0].length;
      at++;
      const said = text.slice(from, line.end).replace(/(^|\s)#.*$/, "").trim();
      if (!said) entry.value = below(indent, from);
      else {
        const begin = from + text.slice(from).search(/\S/);
        entry.value = inline(text, begin, line.end);
        if (!entry.value) entry.value = other(indent, begin);
      }
      entry.end = lines[at - 1].end;
      entries[found[2]] = entry;
    }
    return { kind: "block", entries, indent };
  }

  // What stands under a key that has nothing beside it.
  function below(indent, from) {
    const first = at;
    skip();
    const depth = at < lines.length ? lines[at].text.match(/^ */)[0].length : -1;
    const listed = at < lines.length && /^ *- /.test(`${lines[at].text} `);
    if (listed && depth >= indent) return other(indent, from);
    if (depth > indent) return block(depth);
    at = first;
    return { kind: "empty", start: from, end: from };
  }

  // What this reads no further goes on for as long as lines stand deeper, or are of a list.
  function other(indent, start) {
    while (at < lines.length) {
      const depth = lines[at].text.match(/^ */)[0].length;
      const listed = /^ *- /.test(`${lines[at].text} `);
      if (!blank(at) && depth <= indent && !(listed && depth === indent)) break;
      at++;
    }
    while (at > 0 && blank(at - 1)) at--;
    return { kind: "other", start, end: lines[at - 1].end };
  }

  skip();
  const found = block(0);
  if (at < lines.length) throw new Unreadable(at + 1);
  return found;
}

// A value on one line: a word, a list of words, a mapping; null where it is anything else.
function inline(text, begin, lineEnd) {
  let at = begin;
  const space = () => { while (at < lineEnd && text[at] === " ") at++; };

  function value() {
    space();
    const start = at;
    if (text[at] === "[") {
      const items = [];
      at++;
      for (space(); text[at] !== "]"; space()) {
        const item = value();
        if (!item) return null;
        items.push(item);
        space();
        if (text[at] === ",") at++;
        else if (text[at] !== "]") return null;
      }
      at++;
      return { kind: "list", items, start, end: at };
    }
    if (text[at] === "{") {
      const entries = {};
      at++;
      for (space(); text[at] !== "}"; space()) {
        const key = /^([A-Za-z_]+): /.exec(text.slice(at, lineEnd));
        if (!key || Object.hasOwn(entries, key[1])) return null;
        const from = at;
        at += key[0].length;
        const found = value();
        if (!found) return null;
        entries[key[1]] = { key: key[1], start: from, end: at, value: found };
        space();
        if (text[at] === ",") at++;
        else if (text[at] !== "}") return null;
      }
      at++;
      return { kind: "flow", entries, start, end: at };
    }
    const word = /^[A-Za-z0-9_.+-]+/.exec(text.slice(at, lineEnd));
    if (!word) return null;
    at += word[0].length;
    return { kind: "word", word: word[0], start, end: at };
  }

  const found = value();
  return found && /^\s*(\s#.*)?$/.test(text.slice(at, lineEnd)) ? found : null;
}

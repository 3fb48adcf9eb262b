"use strict";
// The table of a report: filtered, sorted and drawn as far as it is seen; and one row of it, tensor by tensor.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const height = 28;
  const scroller = document.getElementById("scroller");
  const table = document.getElementById("table");
  const head = document.getElementById("head");
  const filter = document.getElementById("filter");
  const status = document.getElementById("status");
  const wrong = document.getElementById("wrong");
  const parts = document.getElementById("parts");
  const format = new Intl.NumberFormat("en-US");
  const shown = data.columns.filter((column) => !column.hidden);
  const byName = new Map(data.columns.map((column) => [column.name, column]));
  let order = Array.from({ length: data.rows }, (_, place) => place);
  let sorted = null;
  let chosen = -1;

  // Whole numbers past 2^53 come as text, and are compared as what they are.
  const value = (column, row) => column.values === null ? column.constant : column.values[row];
  const exact = (found) => (typeof found === "string" && /^-?\d+$/.test(found) ? BigInt(found) : found);
  const words = (found) => {
    if (found === null || found === undefined) return "";
    if (typeof found === "number" || typeof found === "bigint") return format.format(found);
    return String(found);
  };
  const cell = (column, row) => words(column.kind === "count" ? exact(value(column, row)) : value(column, row));

  const compare = {
    "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "!=": (a, b) => a != b, "==": (a, b) => a == b,
    "=": (a, b) => a == b, "<": (a, b) => a < b, ">": (a, b) => a > b,
  };
  const units = { "": 0, k: 3, m: 6, b: 9, g: 9, t: 12 };

  // What a number or a size such as 9.5M stands for, exactly where it is whole; null where it is none.
  function size(text) {
    const found = /^(-?)(?=\.?\d)(\d*)(?:\.(\d+))?(?:e\+?(\d{1,2}))?([kmbgt]?)$/i.exec(text.replaceAll(",", ""));
    if (!found) return null;
    const [, sign, before, after = "", exponent = "0", unit] = found;
    const zeros = Number(exponent) + units[unit.toLowerCase()] - after.length;
    return zeros < 0 ? Number(`${sign}${before}${after}e${zeros}`) : BigInt(sign + (before + after) + "0".repeat(zeros));
  }

  // Columns and words are named as they are meant to be; one that is near is what was meant, most likely.
  function near(word, known) {
    const distance = (a, b) => {
      let line = Array.from({ length: b.length + 1 }, (_, at) => at);
      for (let i = 1; i <= a.length; i++) {
        const next = [i];
        for (let j = 1; j <= b.length; j++) next[j] = Math.min(next[j - 1] + 1, line[j] + 1, line[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
        line = next;
      }
      return line[b.length];
    };
    const limit = Math.ceil(word.length / 3);
    const found = known.map((one) => [distance(word.toLowerCase(), one.toLowerCase()), one]).filter(([far]) => far <= limit);
    found.sort(([a], [b]) => a - b);
    return found.length ? `; did you mean ${found[0][1]}?` : "";
  }

  // "cells<=1024 lstm" keeps the rows that hold both. Each is a test of a row, with what to say where it cannot hold.
  function tests(text) {
    const joined = text.trim().replace(/\s*(<=|>=|!=|==|=|<|>)\s*/g, "$1");
    return joined.split(/\s+/).filter(Boolean).map((word) => {
      const found = /^(.*?)(<=|>=|!=|==|=|<|>)(.*)$/.exec(word);
      if (found) {
        const [, name, sign, given] = found;
        const column = byName.get(name) ?? byName.get(name.toLowerCase());
        const never = (why) => ({ holds: () => false, why });
        const listed = shown.map((one) => one.name);
        if (!column || name.startsWith("#")) return never(name ? `no column is named ${name}${near(name, listed) || `; there are ${listed.join(", ")}`}` : `${word} has no column in front`);
        if (!given) return never(`${word} has no value behind`);
        const limit = column.kind === "count" ? size(given) : given.toLowerCase();
        if (limit === null) return never(`${given} is no number, and ${column.name} has numbers`);
        const plain = (one) => (column.kind === "count" ? exact(one) : String(one).toLowerCase());
        const holds = (row) => value(column, row) !== null && compare[sign](plain(value(column, row)), limit);
        if (column.kind === "count" || !["=", "=="].includes(sign)) return { holds };
        return { holds, why: `no value of ${column.name} is ${given}`, only: () => near(given, wordsOf([column])) };
      }
      const wanted = word.toLowerCase();
      const holds = (row) => shown.some((column) => {
        const one = value(column, row);
        return one !== null && (column.kind === "count" ? cell(column, row) === wanted || String(one) === wanted : String(one).toLowerCase().includes(wanted));
      });
      return { holds, why: `no row holds ${word}`, only: () => near(word, wordsOf(shown)) };
    });
  }

  function wordsOf(columns) {
    const found = new Set();
    for (const column of columns) {
      if (column.kind === "count") continue;
      for (let row = 0; row < (column.values === null ? Math.min(1, data.rows) : data.rows) && found.size < 1000; row++) found.add(String(value(column, row)));
    }
    return [...found];
  }

  function select() {
    const all = tests(filter.value);
    order = [];
    for (let row = 0; row < data.rows; row++) if (all.every((test) => test.holds(row))) order.push(row);
    // Where nothing is left: is it one of the words, which no row at all holds?
    const every = Array.from({ length: order.length ? 0 : data.rows }, (_, row) => row);
    const said = order.length ? [] : all.filter((test) => test.why && !every.some(test.holds));
    wrong.textContent = said.map((test) => `${test.why}${test.only?.() ?? ""}`).join("; ");
    wrong.hidden = !said.length;
    if (sorted) {
      const { column, sign } = sorted;
      order.sort((first, second) => {
        const a = exact(value(column, first));
        const b = exact(value(column, second));
        return a === b ? first - second : a === null ? 1 : b === null ? -1 : a < b ? -sign : sign;
      });
    }
    status.textContent = order.length === data.rows
      ? `${format.format(data.rows)} rows`
      : `${format.format(order.length)} of ${format.format(data.rows)} rows`;
    scroller.scrollTop = 0;
    draw();
  }

  const widths = shown.map((column) => {
    let longest = Math.max(...column.name.split("_").map((part) => part.length)) + 3;
    const step = Math.max(1, Math.floor(data.rows / 2000));
    for (let row = 0; row < data.rows; row += step) longest = Math.max(longest, cell(column, row).length + 1);
    return `calc(${longest}ch + 1.4rem)`;
  }).join(" ");

  function line(row, place) {
    const made = document.createElement("div");
    made.className = row === chosen ? "row chosen" : "row";
    made.setAttribute("role", "row");
    made.setAttribute("aria-rowindex", String(place + 2));
    made.tabIndex = -1;
    made.style.gridTemplateColumns = widths;
    made.style.position = "absolute";
    made.style.left = made.style.right = "0";
    made.style.top = `${head.offsetHeight + place * height}px`;
    for (const column of shown) {
      const box = document.createElement("span");
      box.setAttribute("role", "gridcell");
      if (column.kind === "count") box.className = "number";
      box.textContent = cell(column, row);
      made.append(box);
    }
    made.addEventListener("click", () => choose(row));
    return made;
  }

  function draw() {
    const first = Math.max(0, Math.floor(scroller.scrollTop / height) - 10);
    const last = Math.min(order.length, first + Math.ceil(scroller.clientHeight / height) + 20);
    table.style.height = `${head.offsetHeight + order.length * height}px`;
    const lines = [];
    for (let place = first; place < last; place++) lines.push(line(order[place], place));
    table.replaceChildren(head, ...lines);
    table.setAttribute("aria-rowcount", String(order.length + 1));
  }

  // A dimension is a sum of products of fields: [[4, ["cells"]], ...].
  function number(terms, fields) {
    let sum = 0n;
    for (const [factor, names] of terms) {
      let product = BigInt(factor);
      for (const name of names) product *= fields(name);
      sum += product;
    }
    return sum;
  }

  function choose(row) {
    chosen = row;
    draw();
    parts.replaceChildren();
    const add = (to, kind, text, className) => {
      const made = document.createElement(kind);
      if (text !== undefined) made.textContent = text;
      if (className) made.className = className;
      to.append(made);
      return made;
    };
    const id = byName.has("id") ? ` ${words(exact(value(byName.get("id"), row)))}` : "";
    add(parts, "h2", `Configuration${id}, tensor by tensor`);
    const structure = data.structures[value(byName.get("#structure"), row)];
    if (!structure) {
      add(parts, "p", `This page has no breakdown of it: sizer explain SWEEP --id${id}`);
      return;
    }
    const fields = (name) => BigInt(value(byName.get(name), row) ?? 0);
    add(parts, "p", structure.said, "quiet");
    const made = add(parts, "table");
    const top = add(made, "tr");
    for (const [text, className] of [["tensor"], ["shape"], ["in words"], ["weights of one", "number"], ["times", "number"], ["weights", "number"]]) add(top, "th", text, className);
    let total = 0n;
    const sums = [];
    const own = new Map(); // block -> its weights
    for (const group of structure.groups) {
      if (group.block === undefined) continue;
      const one = group.tensors.reduce((sum, tensor) => sum + (tensor.shared ? 0n : tensor.shape.reduce((product, factor) => product * number(factor.terms, fields), 1n)), 0n);
      own.set(group.block, (own.get(group.block) ?? 0n) + number(group.times, fields) * one);
    }
    const all = [...own.values()].reduce((sum, one) => sum + one, 0n);
    let block;
    for (const group of structure.groups) {
      if (group.block !== block) {
        block = group.block;
        const line = add(made, "tr", undefined, "block");
        add(line, "td", block).colSpan = 4;
        add(line, "td", all ? `${(Number(own.get(block) * 10000n / all) / 100).toFixed(1)}%` : "", "number");
        add(line, "td", words(own.get(block)), "number");
      }
      const times = number(group.times, fields);
      const present = group.tensors.filter((tensor) => times && tensor.shape.every((one) => number(one.terms, fields) !== 0n));
      if (!present.length) continue;
      const counted = present.filter((tensor) => !tensor.shared).map((tensor) => tensor.shape.map((one) => one.words).join("*"));
      if (counted.length) sums.push(times === 1n ? counted.join(" + ") : `${times} * (${counted.join(" + ")})`);
      if (group.title) add(add(made, "tr", undefined, "section"), "td", group.last ? `${group.title}${number(group.last, fields) > 2n ? `s 2-${number(group.last, fields)}` : " 2"}` : group.title).colSpan = 6;
      for (const tensor of present) {
        const shape = tensor.shape.map((one) => number(one.terms, fields));
        const weights = tensor.shared ? 0n : shape.reduce((product, one) => product * one, 1n);
        const line = add(made, "tr");
        add(line, "td", tensor.name);
        add(line, "td", shape.map(String).join(" x "));
        add(line, "td", tensor.shape.map((one) => one.words).join(" x "), "quiet");
        add(line, "td", tensor.shared ? "shared" : words(weights), "number");
        add(line, "td", words(times), "number");
        add(line, "td", words(times * weights), "number");
        total += times * weights;
      }
    }
    const last = add(made, "tr", undefined, "total");
    for (let place = 0; place < 5; place++) add(last, "td");
    add(last, "td", words(total), "number").id = "total";
    parts.dataset.total = String(total);
    add(parts, "pre", `weights = ${sums.join(" + ")}`).id = "formula";
    if (byName.has("weights") && total !== BigInt(value(byName.get("weights"), row))) add(parts, "p", "This is not what the table says: please report it.", "over");
  }

  head.style.gridTemplateColumns = widths;
  for (const column of shown) {
    const box = document.createElement("span");
    box.setAttribute("role", "columnheader");
    box.setAttribute("aria-sort", "none");
    if (column.kind === "count") box.className = "number";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.name.replaceAll("_", "_\u200b");
    button.addEventListener("click", () => {
      const sign = sorted && sorted.column === column ? -sorted.sign : column.kind === "count" && column.name !== "id" ? -1 : 1;
      sorted = { column, sign };
      for (const other of head.children) {
        const own = other === box;
        other.setAttribute("aria-sort", own ? (sign > 0 ? "ascending" : "descending") : "none");
        other.firstChild.textContent = other.firstChild.textContent.replace(/ [▲▼]$/, "") + (own ? (sign > 0 ? " ▲" : " ▼") : "");
      }
      select();
    });
    box.append(button);
    head.append(box);
  }
  let waiting = 0;
  filter.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(select, data.rows > 20000 ? 150 : 0); });
  scroller.addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", draw);
  scroller.addEventListener("keydown", (event) => {
    const place = order.indexOf(chosen);
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.target.tagName === "BUTTON" || !(event.key in moves) || !order.length) return;
    event.preventDefault();
    const next = Math.min(order.length - 1, Math.max(0, place + moves[event.key]));
    const top = next * height;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + 3 * height > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + 3 * height - scroller.clientHeight;
    choose(order[next]);
  });
  select();
  if (order.length) choose(data.first);
})();

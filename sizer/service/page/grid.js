// A table of millions of rows of which only those in sight are there; sorting and filtering is the server's work.
import { element, number, replace } from "./dom.js";

const ROW = 28;
const BLOCK = 200;
const MOST_PIXELS = 8000000;
const MOST_BLOCKS = 60;

// load(offset, limit) -> {columns, rows, total}
// isShown(column): whether it stands in the table; asked again by choose().
export function grid({ load, onSort, onOpen, label, isShown = () => true }) {
  const head = element("div", { class: "head", role: "row" });
  const space = element("div", { class: "space" });
  const whole = element("div", { class: "grid", tabIndex: 0, role: "grid", "aria-label": label, "aria-busy": "true" }, head, space);
  let blocks = new Map();
  let columns = [];
  let every = [];
  const widths = {};
  let words = new Set();
  let sort = [];
  let total = 0;
  let active = 0;
  let generation = 0;
  let frame = 0;

  const inSight = () => Math.max(1, Math.floor((whole.clientHeight - head.offsetHeight) / ROW));
  const pixels = () => Math.min(MOST_PIXELS, total * ROW);
  // With more rows than a browser has pixels for, a pixel of the bar stands for several rows.
  const first = () => {
    const most = Math.max(0, total - inSight());
    const way = whole.scrollHeight - whole.clientHeight;
    return way > 0 ? Math.min(most, Math.round((whole.scrollTop / way) * most)) : 0;
  };

  async function fetchBlock(at) {
    if (blocks.has(at)) return;
    const mine = generation;
    blocks.set(at, null);
    try {
      const page = await load(at * BLOCK, BLOCK);
      if (mine !== generation) return;
      blocks.set(at, page.rows);
      if (blocks.size > MOST_BLOCKS) blocks.delete(blocks.keys().next().value);
      total = page.total;
      if (!every.length) setColumns(page);
      widen(page.rows);
      draw();
    } catch (problem) {
      if (mine === generation) blocks.delete(at);
      if (problem.name !== "AbortError") throw problem;
    }
  }

  function setColumns(page) {
    // What a row is and how large it is stand first; the rest as the table has it.
    const first = ["id", "weights"].filter((name) => page.columns.includes(name));
    every = [...first, ...page.columns.filter((name) => !first.includes(name))];
    columns = every.filter(isShown);
    words = new Set(every.filter((name) => page.rows.some((row) => typeof row[name] === "string")));
  }

  // A column is as wide as the longest value that was seen: no number is ever cut.
  function widen(rows) {
    let wider = false;
    for (const name of every) {
      const longest = rows.reduce((most, row) => Math.max(most, number(row[name]).length), name.length + 2);
      const width = 26 + longest * 8.2;
      if (width > (widths[name] ?? 0)) {
        widths[name] = width;
        wider = true;
      }
    }
    if (wider) drawHead();
  }

  function drawHead() {
    replace(
      head,
      columns.map((name) => {
        const down = sort[0] === `-${name}`;
        const up = sort[0] === name;
        const button = element(
          "button",
          {
            type: "button",
            role: "columnheader",
            class: words.has(name) ? "word-cell" : "",
            "aria-sort": down ? "descending" : up ? "ascending" : "none",
            title: `Sort by ${name}`,
            onclick: () => onSort(down ? name : up ? `-${name}` : words.has(name) ? name : `-${name}`),
          },
          name + (down ? " ↓" : up ? " ↑" : ""),
        );
        button.style.width = `${widths[name]}px`;
        return button;
      }),
    );
  }

  function draw() {
    space.style.height = `${pixels()}px`;
    whole.setAttribute("aria-rowcount", String(total));
    const start = first();
    const end = Math.min(total, start + inSight() + 2);
    const offset = whole.scrollTop;
    const lines = [];
    let missing = false;
    for (let at = start; at < end; at++) {
      const row = blocks.get(Math.floor(at / BLOCK))?.[at % BLOCK];
      missing ||= !row;
      const line = element(
        "div",
        {
          class: `line${at === active ? " active" : ""}`,
          role: "row",
          id: `row-${at}`,
          "aria-rowindex": String(at + 1),
          "aria-selected": String(at === active),
          onclick: () => open(at),
        },
        columns.map((name) => {
          const cell = element("span", { role: "gridcell", class: words.has(name) ? "word-cell" : "" }, row ? number(row[name]) : "…");
          cell.style.width = `${widths[name]}px`;
          return cell;
        }),
      );
      line.style.top = `${offset + (at - start) * ROW}px`;
      lines.push(line);
    }
    replace(space, lines);
    if (active >= start && active < end) whole.setAttribute("aria-activedescendant", `row-${active}`);
    whole.setAttribute("aria-busy", String(missing));
    for (let block = Math.floor(start / BLOCK); block <= Math.floor(Math.max(start, end - 1) / BLOCK); block++) fetchBlock(block);
  }

  function open(at) {
    active = at;
    draw();
    const row = blocks.get(Math.floor(at / BLOCK))?.[at % BLOCK];
    if (row) onOpen(row);
  }

  function moveTo(at) {
    active = Math.max(0, Math.min(total - 1, at));
    const start = first();
    const sight = inSight();
    if (active < start || active >= start + sight) {
      const wanted = active < start ? active : active - sight + 1;
      const most = Math.max(1, total - sight);
      whole.scrollTop = (wanted / most) * (whole.scrollHeight - whole.clientHeight);
    }
    draw();
  }

  whole.addEventListener("scroll", () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  });
  whole.addEventListener("keydown", (event) => {
    if (event.target !== whole) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: inSight() - 1, PageUp: 1 - inSight() }[event.key];
    if (step) moveTo(active + step);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(total - 1);
    else if (event.key === "Enter") open(active);
    else return;
    event.preventDefault();
  });
  addEventListener("resize", draw);

  return {
    element: whole,
    remove: () => removeEventListener("resize", draw),
    get columns() {
      return every;
    },
    // Show the columns that are to be shown now.
    choose() {
      columns = every.filter(isShown);
      if (!columns.length) return;
      drawHead();
      draw();
    },
    async show(sorted) {
      generation++;
      blocks = new Map();
      sort = sorted ? sorted.split(",") : [];
      active = 0;
      whole.scrollTop = 0;
      whole.setAttribute("aria-busy", "true");
      if (columns.length) drawHead();
      await fetchBlock(0);
      return total;
    },
  };
}

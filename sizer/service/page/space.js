// A space of widths per layer: how large its networks are, and some that are drawn.
import { call, Faults } from "./api.js";
import { drawn, element, number, replace, short } from "./dom.js";
import { whole } from "./exact.js";

const WIDTH = 480;
const HEIGHT = 190;
const EDGE = { left: 8, right: 8, top: 38, bottom: 42 };
const MANY = 10;

export function spaceOf(text, signal) {
  const picture = element("div", { id: "histogram", "aria-live": "polite" }, element("p", { class: "quiet" }, "Counting sizes …"));
  const place = element("div", { id: "drawn", "aria-live": "polite" });
  const seed = element("input", { name: "seed", size: 6, value: "0", inputmode: "numeric", autocomplete: "off", "aria-label": "Seed" });
  const many = element("input", { name: "many", size: 5, value: String(MANY), inputmode: "numeric", autocomplete: "off", "aria-label": "How many networks" });
  const draw = element("button", { type: "button", id: "draw", onclick: sample }, "Draw networks");

  async function count() {
    try {
      const said = await call("/v1/space/count?bins=40", { body: text, type: "application/yaml", signal });
      replace(picture, said.histogram.length ? histogram(said) : element("p", { class: "quiet" }, said.unsorted || "No network fits."));
      draw.disabled = Number(said.kept ?? said.kept_between[1]) === 0;
    } catch (problem) {
      if (problem.name !== "AbortError") replace(picture, element("p", { class: "quiet" }, problem.message));
    }
  }

  async function sample() {
    draw.disabled = true;
    try {
      const said = await call(`/v1/space/sample?${new URLSearchParams({ n: many.value.trim(), seed: seed.value.trim() })}`, { body: text, type: "application/yaml", signal });
      replace(place, networks(said));
      // The next ones are others.
      if (/^[0-9]+$/.test(seed.value.trim())) seed.value = String(BigInt(seed.value.trim()) + 1n);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      replace(place, element("p", { class: "bad-text" }, problem instanceof Faults ? problem.message : "The server does not answer."));
    } finally {
      draw.disabled = false;
    }
  }

  count();
  return element(
    "section",
    { class: "space-of", "aria-label": "The space" },
    element("h2", {}, "How large they are"),
    picture,
    element("div", { class: "row" }, draw, element("label", { class: "row quiet" }, "how many ", many), element("label", { class: "row quiet" }, "seed ", seed)),
    place,
  );
}

function histogram(said) {
  const bins = said.histogram;
  const most = Math.max(...bins.map((one) => Number(one.networks)));
  const least = Number(bins[0].least);
  const last = Number(bins.at(-1).most);
  const across = (weights) => EDGE.left + ((Number(weights) - least) / (last + 1 - least)) * (WIDTH - EDGE.left - EDGE.right);
  const ground = HEIGHT - EDGE.bottom;
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `How many networks have how many weights: ${number(bins[0].least)} to ${number(bins.at(-1).most)}` });
  for (const one of bins) {
    const height = (Number(one.networks) / most) * (ground - EDGE.top);
    const bar = drawn("rect", { class: "bar", x: across(one.least), y: ground - height, width: Math.max(1, across(Number(one.most) + 1) - across(one.least) - 1), height });
    bar.append(drawn("title", {}, `${number(one.least)} to ${number(one.most)} weights: ${number(one.networks)} networks`));
    picture.append(bar);
  }
  picture.append(drawn("line", { class: "axis", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: ground, y2: ground }));
  picture.append(drawn("text", { x: EDGE.left, y: 13 }, `networks, at most ${short(most)} a bar`));
  for (const [value, anchor] of [[least, "start"], [(least + last) / 2, "middle"], [last, "end"]]) {
    picture.append(drawn("text", { x: across(value), y: ground + 16, "text-anchor": anchor }, short(value)));
  }
  picture.append(drawn("text", { x: WIDTH / 2, y: HEIGHT - 6, "text-anchor": "middle" }, "weights"));
  if (said.median !== null) {
    picture.append(drawn("line", { class: "median", x1: across(said.median), x2: across(said.median), y1: EDGE.top - 16, y2: ground }));
    const left = across(said.median) < WIDTH / 2;
    picture.append(drawn("text", { x: across(said.median) + (left ? 4 : -4), y: EDGE.top - 6, "text-anchor": left ? "start" : "end" }, `half have at most ${short(said.median)}`));
  }
  return element("div", { class: "plot" }, picture);
}

// Columns of one field, a layer each, are shown in one cell: 512 · 1,024 · 256.
function networks(said) {
  const fields = [];
  for (const name of said.columns) {
    const field = name.replace(/\.[0-9]+$/, "");
    if (!fields.includes(field)) fields.push(field);
  }
  const value = (row, field) =>
    field in row
      ? number(row[field])
      : said.columns.filter((name) => name.startsWith(`${field}.`) && /\.[0-9]+$/.test(name)).map((name) => row[name]).filter((one) => one !== 0 && one !== "").map(number).join(" · ");
  const varies = fields.filter((field) => field === "weights" || field === "id" || new Set(said.networks.map((row) => value(row, field))).size > 1);
  const order = ["weights", ...varies.filter((field) => field !== "weights" && field !== "id"), "id"].filter((field) => varies.includes(field));
  const csv = [said.columns.join(","), ...said.networks.map((row) => said.columns.map((name) => String(row[name])).join(","))].join("\n");
  return [
    element("p", { class: "quiet" }, `${number(said.networks.length)} of ${number(said.kept)} that fit, sampled uniformly with seed ${number(whole(String(said.seed)))}. `, element("a", { href: URL.createObjectURL(new Blob([`${csv}\n`], { type: "text/csv" })), download: `${said.name}-${said.seed}.csv` }, "CSV")),
    element(
      "div",
      { class: "scroll drawn" },
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, order.map((field) => element("th", {}, field)))),
        element("tbody", {}, said.networks.map((row) => element("tr", {}, order.map((field) => element("td", { class: value(row, field).includes(" · ") ? "wrap-any" : "" }, value(row, field)))))),
      ),
    ),
  ];
}

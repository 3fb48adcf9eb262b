// How far weights go at each value of a field, drawn from a few hundred points.
import { drawn, element, number, short } from "./dom.js";

const WORDS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8a8f00", "#777777", "#444444"];
const NUMBERS = ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#c8b820", "#777777"];
const WIDTH = 640;
const HEIGHT = 360;
const EDGE = { left: 70, right: 26, top: 24, bottom: 52 };

export function plot(found, budget, scale) {
  if (!found.points.length) return element("p", { class: "quiet" }, "No row fits.");
  const groups = found.groups.length ? found.groups : [""];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const palette = found.numbers ? (dark ? NUMBERS.map(lighter) : NUMBERS) : WORDS;
  const colour = (group) => {
    const at = groups.indexOf(group);
    const place = found.numbers && groups.length > 1 ? Math.round((at / (groups.length - 1)) * Math.min(7, groups.length * 2)) : at;
    return palette[Math.min(palette.length - 1, Math.max(0, place))];
  };
  // Places are drawn to a pixel; what is said of a point is exact.
  const xs = found.points.map(([x]) => Number(x));
  const low = Math.min(...xs, scale?.x?.[0] ?? Infinity);
  const high = Math.max(...xs, scale?.x?.[1] ?? -Infinity);
  const most = Math.max(...found.points.map(([, , , largest]) => Number(largest)), budget && budget < (scale?.most ?? 0) ? Number(budget) : 0);
  const across = (x) => EDGE.left + ((Number(x) - low) / (high - low || 1)) * (WIDTH - EDGE.left - EDGE.right);
  const up = (y) => HEIGHT - EDGE.bottom - (Number(y) / (most || 1)) * (HEIGHT - EDGE.bottom - EDGE.top);
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `The largest weights at each value of ${found.x}` });
  for (const value of ticks(0, most)) {
    picture.append(
      drawn("line", { class: "axis", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: up(value), y2: up(value) }),
      drawn("text", { x: EDGE.left - 6, y: up(value) + 4, "text-anchor": "end" }, short(value)),
    );
  }
  for (const value of ticks(low, high)) {
    picture.append(drawn("text", { x: across(value), y: HEIGHT - EDGE.bottom + 22, "text-anchor": "middle" }, number(value)));
  }
  picture.append(drawn("text", { class: "title", x: (WIDTH + EDGE.left) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, found.x + (found.length > 1 ? `, ${number(found.length)} values a place` : "")));
  picture.append(drawn("text", { class: "title", x: 2, y: 14 }, "weights, the most at each place"));
  for (const group of groups) {
    const points = found.points.filter(([, word]) => word === group);
    if (!points.length) continue;
    picture.append(
      drawn("polyline", {
        points: points.map(([x, , , largest]) => `${across(x)},${up(largest)}`).join(" "),
        fill: "none",
        stroke: colour(group),
        "stroke-width": 2,
      }),
    );
    for (const [x, , smallest, largest, rows] of points) {
      const dot = drawn("circle", { cx: across(x), cy: up(largest), r: points.length > 60 ? 1.6 : 3, fill: colour(group) });
      dot.append(
        drawn("title", {}, `${found.x} ${number(x)}${found.colour ? `, ${found.colour} ${group}` : ""}: ${number(smallest)} to ${number(largest)} weights, ${number(rows)} configurations`),
      );
      picture.append(dot);
    }
  }
  if (budget && budget <= most) {
    picture.append(
      drawn("line", { class: "budget", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: up(budget), y2: up(budget) }),
      drawn("text", { x: EDGE.left + 4, y: up(budget) - 4 }, `budget ${number(budget)}`),
    );
  }
  const legend = element(
    "div",
    { class: "legend" },
    found.colour ? element("span", { class: "quiet" }, found.colour) : null,
    groups.filter((group) => group !== "").map((group) => {
      const patch = element("i");
      patch.style.background = colour(group);
      return element("span", {}, patch, group);
    }),
  );
  return element("div", { class: "plot" }, picture, legend);
}

function lighter(hex) {
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${parts.map((part) => Math.round(part + (255 - part) * 0.35)).join(",")})`;
}

function ticks(low, high) {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((part) => part * power).find((part) => part >= rough));
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}

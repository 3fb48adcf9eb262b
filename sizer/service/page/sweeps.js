// The sweeps, and one of them: its progress, and then its rows, with a budget that can be moved.
import { breakdown } from "./breakdown.js";
import { call, download, Faults, follow } from "./api.js";
import { element, later, number, replace, say, short } from "./dom.js";
import { boundsOf, mostWeights } from "./exact.js";
import { grid } from "./grid.js";
import { formats as formatsOf } from "./known.js";
import { plot } from "./plot.js";

const STEPS = 1000;
const FEW = 2000000;

export async function showSweeps(main, signal) {
  const { sweeps } = await call("/v1/sweeps", { signal });
  replace(
    main,
    element("h1", {}, "Sweeps"),
    sweeps.length
      ? element(
          "div",
          { class: "scroll" },
          element(
            "table",
            {},
            element("thead", {}, element("tr", {}, element("th", { class: "word" }, "Name"), element("th", { class: "word" }, "Status"), element("th", {}, "Configurations"), element("th", {}, "Kept"), element("th", {}, "Begun"))),
            element(
              "tbody",
              {},
              sweeps.map((one) =>
                element(
                  "tr",
                  {},
                  element("td", { class: "word" }, element("a", { href: `/sweeps/${one.id}` }, one.name)),
                  element("td", { class: "word" }, status(one.status)),
                  element("td", {}, number(one.configurations)),
                  element("td", {}, number(one.summary?.kept ?? one.dry_run.kept)),
                  element("td", {}, new Date(one.created).toLocaleString()),
                ),
              ),
            ),
          ),
        )
      : element("p", { class: "quiet" }, "None yet. ", element("a", { href: "/" }, "Write one.")),
  );
}

function status(word) {
  return element("span", { class: `status ${word}` }, word);
}

export async function showSweep(main, id, signal, go) {
  let job;
  try {
    job = await call(`/v1/sweeps/${encodeURIComponent(id)}`, { signal });
  } catch (problem) {
    if (problem.name === "AbortError") return;
    replace(main, element("h1", {}, "No such sweep"), element("p", {}, problem.message), element("a", { href: "/sweeps" }, "The sweeps"));
    return;
  }
  const head = element("div", { class: "row spread" });
  const body = element("div");
  replace(main, head, body);
  let done = false;
  let drawn = "";

  function draw(state) {
    const ended = ["done", "failed", "cancelled"].includes(state.status);
    // A button that is made anew with each event would slip away from under a hand, and lose the focus.
    if (state.status !== drawn) replace(
      head,
      element("div", { class: "row" }, element("h1", {}, state.name), status(state.status)),
      element(
        "div",
        { class: "row" },
        ended ? null : element("button", { type: "button", onclick: () => call(`/v1/sweeps/${id}`, { method: "DELETE" }).then(draw, (problem) => say(problem.message)) }, "Cancel"),
        element("button", { type: "button", onclick: () => { sessionStorage.setItem("sizer-sweep", job.sweep); go("/"); } }, "Edit as a new sweep"),
      ),
    );
    drawn = state.status;
    if (state.status === "done") {
      if (!done) results(body, id, state, signal);
      done = true;
    } else if (state.status === "failed") {
      replace(body, element("ul", { class: "faults" }, state.faults.map((fault) => element("li", { class: "bad-text" }, fault.message))));
    } else if (state.status === "cancelled") {
      replace(body, element("p", { class: "quiet" }, "It was cancelled. Running it again continues from the finished parts."));
    } else {
      const decided = Number(state.progress.decided ?? 0);
      const configurations = Number(state.configurations);
      const left = state.progress.seconds && decided ? ((configurations - decided) / decided) * state.progress.seconds : null;
      replace(
        body,
        element(
          "div",
          { class: "panel" },
          element("progress", { max: configurations, value: decided, "aria-label": "Configurations decided" }),
          element("p", {}, `${number(state.progress.decided ?? 0)} of ${number(state.configurations)} configurations decided, ${number(state.progress.kept ?? 0)} kept`),
          left === null ? null : element("p", { class: "quiet" }, `about ${left < 90 ? `${Math.ceil(left)} seconds` : `${Math.ceil(left / 60)} minutes`} left`),
        ),
      );
    }
  }

  draw(job);
  // A connection that breaks is taken up again; what was missed is in the next event.
  while (!signal.aborted && !["done", "failed", "cancelled"].includes(job.status)) {
    try {
      await follow(`/v1/sweeps/${id}/events`, signal, (_, state) => {
        job = { ...job, ...state };
        draw(job);
      });
    } catch (problem) {
      if (problem.name === "AbortError" || problem instanceof Faults) return;
      await new Promise((wake) => setTimeout(wake, 1000));
    }
  }
}

// Where every configuration of the grid went.
function account(job) {
  const said = job.summary;
  const parts = [
    ...Object.entries(said.not_valid ?? {}).map(([reason, count]) => [count, `not valid: ${reason}`]),
    ...Object.entries(said.outside_budget ?? {}).flatMap(([column, sides]) => Object.entries(sides).map(([side, count]) => [count, `${side} the budget of ${column}`])),
    ...Object.entries(said.excluded ?? {}).map(([condition, count]) => [count, `excluded: ${condition}`]),
  ].filter(([count]) => Number(count));
  const dropped = BigInt(job.configurations) - BigInt(said.kept);
  return element(
    "details",
    { id: "account" },
    element("summary", {}, `${number(job.configurations)} configurations in the grid`, element("span", { class: "quiet" }, dropped ? `, of which ${number(dropped)} were dropped, and why` : ", all of them kept")),
    element("dl", { class: "figures" }, parts.flatMap(([count, words]) => [element("dt", {}, words), element("dd", {}, number(count))]), element("dt", {}, "kept"), element("dd", {}, number(said.kept))),
  );
}

async function results(body, id, job, signal) {
  const base = `/v1/sweeps/${id}`;
  const asked = new URLSearchParams(location.search);
  if (!job.summary.kept) {
    replace(body, element("p", {}, `None of ${number(job.configurations)} configurations is kept.`), account(job), job.summary.smallest ? element("p", { class: "quiet" }, `The smallest has ${number(job.summary.smallest.weights)} weights.`) : null);
    return;
  }
  const [formats, least, most] = await Promise.all([
    formatsOf(),
    ...["weights", "-weights"].map((sort) => call(`${base}/rows?sort=${sort}&limit=1&columns=weights`, { signal }).then((page) => Number(page.rows[0].weights), () => null)),
  ]);
  const place = element("div", { class: "panel", id: "breakdown", hidden: true });
  const shown = element("p", { class: "large", id: "shown" }, "…");
  const around = element("div", { id: "plot" });
  const slider = element("input", { type: "range", min: 0, max: STEPS, value: STEPS, id: "slider", "aria-label": "Budget of weights" });
  const exact = element("input", { id: "budget", size: 12, placeholder: "10M", "aria-label": "Budget", value: asked.get("budget") ?? "" });
  const where = element("input", { id: "where", placeholder: "layers > 1 and cells % 64 == 0", "aria-label": "Condition", value: asked.get("where") ?? "" });
  where.style.flex = "1 1 16rem";
  const wrong = element("p", { class: "bad-text small", role: "alert" });
  const links = element("div", { class: "row" });
  const columns = element("details", { id: "columns" });

  // The largest come first, where nothing else is asked for.
  const order = () => asked.get("sort") ?? (most === null ? "" : "-weights");
  let values = null;
  const isShown = (name) => {
    const chosen = asked.get("columns");
    if (chosen !== null) return chosen.split(",").includes(name);
    return name === "id" || !(values?.[name] <= 1);
  };
  const question = (more = {}) => {
    const found = new URLSearchParams();
    for (const bound of boundsOf(asked.get("budget") ?? "")) found.append("budget", bound);
    if (asked.get("where")) found.set("where", asked.get("where"));
    if (order()) found.set("sort", order());
    for (const [name, value] of Object.entries(more)) found.set(name, value);
    return found;
  };
  let loading = new AbortController();
  const table = grid({
    label: "Configurations",
    isShown,
    load: (offset, limit) => call(`${base}/rows?${question({ offset, limit })}`, { signal: loading.signal }),
    onSort: (sort) => change({ sort: sort === "-weights" ? "" : sort }),
    onOpen: (row) => row.id !== undefined && change({ row: row.id }, false),
  });
  signal.addEventListener("abort", () => {
    loading.abort();
    table.remove();
  });

  function change(values, again = true) {
    for (const [name, value] of Object.entries(values)) {
      if (value === "" || value === null || value === undefined) asked.delete(name);
      else asked.set(name, value);
    }
    history.replaceState(null, "", `${location.pathname}${asked.size ? `?${asked}` : ""}`);
    if (again) refresh();
    else openRow();
  }

  const fromSlider = (step) => Math.round(least * (most / least) ** (step / STEPS));
  const toSlider = (weights) => Math.round((Math.log(Math.max(weights, least) / least) / Math.log(most / least)) * STEPS);

  async function refresh() {
    loading.abort();
    loading = new AbortController();
    const mine = loading;
    const budget = asked.get("budget") ?? "";
    const bound = mostWeights(budget);
    // Not while another budget is on its way: the hand that moves the slider is ahead of what was asked.
    if (least && exact.value.trim() === budget) slider.value = String(bound === null ? STEPS : toSlider(Number(bound)));
    replace(
      links,
      element("span", { class: "quiet" }, "Download"),
      formats.map((form) => {
        const path = `${base}/rows.${form}?${question()}`;
        return element("a", { class: "button", href: path, download: `${job.name}.${form}`, onclick: (event) => { event.preventDefault(); download(path, `${job.name}.${form}`).catch((problem) => say(problem.message)); } }, form.toUpperCase());
      }),
      element("button", { type: "button", onclick: () => navigator.clipboard.writeText(location.href).then(() => say("The address is copied."), () => say(location.href)) }, "Copy address"),
    );
    try {
      const points = question();
      points.delete("sort");
      const drawing = call(`${base}/plot?${points}`, { signal: mine.signal }).catch((problem) => { if (problem.name === "AbortError") throw problem; return null; });
      // Which columns vary is known with the plot; of a large table the rows do not wait for it.
      if (!values && Number(job.summary.kept) <= FEW) values = (await drawing)?.values ?? {};
      const [total, found] = await Promise.all([table.show(order()), drawing]);
      if (mine !== loading) return;
      values ??= found?.values ?? {};
      table.choose();
      drawChoice();
      replace(wrong);
      exact.classList.remove("wrong");
      where.classList.remove("wrong");
      replace(shown, `${number(total)} `, element("span", { class: "quiet small" }, `of ${number(job.summary.kept)} configurations ${asked.get("budget") || asked.get("where") ? "are shown" : "that were kept"}`));
      replace(around, found ? plot(found, bound, { most }) : element("p", { class: "quiet" }, "Nothing to plot."));
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== loading) return;
      replace(wrong, problem.message);
      const paths = problem instanceof Faults ? problem.faults.map((fault) => fault.path) : [];
      exact.classList.toggle("wrong", paths.includes("budget"));
      where.classList.toggle("wrong", paths.some((path) => path.startsWith("where")));
    }
  }

  // A condition to start from, on a column that the table has.
  function example() {
    if (["layers", "cells"].every((name) => table.columns.includes(name))) return "layers > 1 and cells % 64 == 0";
    const cells = table.columns.find((name) => name.endsWith(".cells"));
    return cells ? `${cells} % 64 == 0` : table.columns.includes("weights") ? "weights % 64 == 0" : "";
  }

  // Which columns stand in the table: those that vary, until others are chosen.
  function drawChoice() {
    where.placeholder = example();
    const hidden = table.columns.filter((name) => !isShown(name));
    const toggle = (name) => {
      const now = table.columns.filter((one) => (one === name ? !isShown(one) : isShown(one)));
      asked.set("columns", now.join(","));
      history.replaceState(null, "", `${location.pathname}?${asked}`);
      table.choose();
      drawChoice();
    };
    replace(
      columns,
      element("summary", {}, "Columns", element("span", { class: "quiet" }, hidden.length ? ` · ${hidden.length} ${asked.has("columns") ? "not shown" : `${hidden.length === 1 ? "does" : "do"} not vary`}` : "")),
      element("div", { class: "row" }, table.columns.map((name) => element("label", { class: "row" }, element("input", { type: "checkbox", name: `column.${name}`, checked: isShown(name), onchange: () => toggle(name) }), name))),
    );
  }

  function openRow() {
    const row = asked.get("row");
    place.hidden = !row;
    if (row) breakdown(place, `${base}/configurations/${encodeURIComponent(row)}`, signal, { id: row, swept: table.columns.filter((name) => values?.[name] > 1) }).then(() => place.scrollIntoView({ block: "nearest" }), (problem) => problem.name === "AbortError" || replace(place, element("p", {}, problem.message)));
  }

  const soon = later(70, () => change({ budget: exact.value.trim(), where: where.value.trim() }));
  slider.addEventListener("input", () => {
    const all = Number(slider.value) === STEPS;
    exact.value = all ? "" : String(fromSlider(Number(slider.value)));
    slider.setAttribute("aria-valuetext", all ? "no bound" : `${short(fromSlider(Number(slider.value)))} weights`);
    soon();
  });
  const typed = later(350, () => change({ budget: exact.value.trim(), where: where.value.trim() }));
  exact.addEventListener("input", typed);
  where.addEventListener("input", typed);
  replace(
    body,
    element(
      "section",
      { class: "panel" },
      element("div", { class: "row spread" }, shown, links),
      element("div", { class: "row" }, element("label", { class: "row", for: "slider" }, "Budget"), least && most > least ? slider : null, exact, where),
      wrong,
      account(job),
      columns,
    ),
    element(
      "div",
      { class: "columns" },
      table.element,
      element("section", { class: "panel", "aria-label": "Plot" }, around),
    ),
    place,
  );
  place.style.marginTop = "1rem";
  await refresh();
  openRow();
}

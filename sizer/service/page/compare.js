// The same words under every convention, or which readings give a stated figure.
import { call, Faults } from "./api.js";
import { element, faultLines, later, number, replace } from "./dom.js";
import { whole } from "./exact.js";

const FIELDS = [
  ["cell_type", "Cell type", "lstm"],
  ["inputs", "Inputs", "205"],
  ["outputs", "Outputs", "205"],
  ["layers", "Layers", "5"],
  ["cells", "Cells", "700"],
  ["recurrent_projection", "Recurrent projection", ""],
  ["nonrecurrent_projection", "Nonrecurrent projection", ""],
  ["vocabulary", "Vocabulary", ""],
  ["embedding", "Embedding", ""],
];
const SWITCHES = [
  ["bidirectional", "Two directions"],
  ["skip_connections", "Skip connections"],
  ["peepholes", "Peepholes"],
];

export function showCompare(main, signal) {
  const said = new URLSearchParams(location.search);
  const any = FIELDS.some(([name]) => said.has(name));
  const found = element("div", { "aria-live": "polite" });
  const form = element(
    "form",
    { class: "fields", oninput: later(250, ask), onsubmit: (event) => event.preventDefault() },
    FIELDS.map(([name, title, start]) =>
      element("label", {}, title, element("input", { name, value: said.get(name) ?? (any ? "" : start), autocomplete: "off" })),
    ),
    element("label", {}, "Claim (optional)", element("input", { name: "claim", placeholder: "21.3M", value: said.get("claim") ?? "", autocomplete: "off" })),
    SWITCHES.map(([name, title]) =>
      element("label", { class: "check" }, element("input", { type: "checkbox", name, checked: said.get(name) === "true" }), title),
    ),
  );
  // What the form has no field for is asked with as it stands in the address.
  const others = [...said].filter(([name]) => !FIELDS.some(([known]) => known === name) && !SWITCHES.some(([known]) => known === name) && name !== "claim");
  let asked = null;

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const mine = asked;
    const network = {};
    for (const [name, value] of others) network[name] = read(value);
    for (const [name] of FIELDS) if (form.elements[name].value.trim()) network[name] = read(form.elements[name].value.trim());
    for (const [name] of SWITCHES) if (form.elements[name].checked) network[name] = true;
    const claim = form.elements.claim.value.trim();
    history.replaceState(null, "", `/compare?${new URLSearchParams({ ...network, ...(claim ? { claim } : {}) })}`);
    if (claim) replace(found, element("p", { class: "quiet" }, "Looking for readings …"));
    try {
      const answer = await call("/v1/compare", { body: { network, ...(claim ? { claim } : {}) }, signal: mine.signal });
      if (mine === asked) replace(found, claim ? readings(answer) : conventions(answer.readings));
    } catch (problem) {
      if (problem.name === "AbortError" || mine !== asked) return;
      const lines = problem instanceof Faults ? faultLines(problem.faults) : ["The server does not answer."];
      replace(found, lines.map((line) => element("p", { class: "bad-text" }, line)));
    }
  }

  signal.addEventListener("abort", () => asked?.abort());
  replace(
    main,
    element("h1", {}, "Compare"),
    element("p", { class: "quiet" }, "The same words mean different networks in different toolkits. With a claim: which readings give it."),
    element("section", { class: "panel" }, form),
    found,
  );
  ask();
}

function read(value) {
  if (/^[0-9]+$/.test(value)) return whole(value);
  return value === "true" ? true : value === "false" ? false : value;
}

function conventions(list) {
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      { class: "cards" },
      element("thead", {}, element("tr", {}, element("th", { class: "word" }, "Convention"), element("th", {}, "Weights"), element("th", {}, "Difference"), element("th", { class: "word" }, "Because of"))),
      element(
        "tbody",
        {},
        list.map((one) =>
          element(
            "tr",
            {},
            element("td", { class: "word", "data-head": "Convention" }, one.convention),
            element("td", { "data-head": "Weights" }, one.weights === null ? "" : number(one.weights)),
            element("td", { "data-head": "Difference" }, one.difference ? `${one.difference > 0 ? "+" : ""}${number(one.difference)}` : ""),
            element("td", { class: "word wrap", "data-head": "Because of" }, one.refusal ?? (Object.entries(one.difference_by_tensor).map(([name, value]) => `${name} ${value > 0 ? "+" : ""}${number(value)}`).join(", ") || "")),
          ),
        ),
      ),
    ),
  );
}

// The plain count first, then what gives the figure, then what comes near it.
function readings(answer) {
  const { plain, claim } = answer;
  const found = [element("p", { id: "plain" }, element("span", { class: "large" }, number(plain.weights)), ` plainly (${plain.fields.convention}): ${distance(plain.weights, claim)}`)];
  const heading = answer.answers.length ? `What gives ${claim.text}` : `Nothing gives ${claim.text}`;
  found.push(element("h2", {}, heading));
  if (answer.answers.length) found.push(listed(answer.answers));
  if (answer.near.length) found.push(element("h2", {}, answer.answers.length ? "What comes near" : "The nearest"), listed(answer.near));
  if (answer.not.length) found.push(element("p", { class: "quiet" }, "Not: ", answer.not.map((one) => `${assumptions(one)}: ${number(one.weights)}`).join(" · ")));
  return found;
}

function distance(weights, claim) {
  const [count, least, most] = [weights, claim.least, claim.most].map(BigInt);
  if (count >= least && count <= most) return `that is ${claim.text}.`;
  const end = count < least ? least : most;
  const away = Number(((end - count) * 1000n) / end) / 10;
  return `${Math.abs(away)} % ${count < least ? "short of" : "over"} ${claim.text}.`;
}

function listed(list) {
  const heads = ["Weights", "Against the plain count", "Convention", "If you assume"];
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      { class: "cards" },
      element("thead", {}, element("tr", {}, heads.map((head, at) => element("th", { class: at > 1 ? "word" : "" }, head)))),
      element(
        "tbody",
        {},
        list.map((one) =>
          element(
            "tr",
            {},
            element("td", { "data-head": heads[0] }, number(one.weights)),
            element("td", { "data-head": heads[1] }, `${one.difference > 0 ? "+" : ""}${number(one.difference)}`),
            element("td", { class: "word", "data-head": heads[2] }, one.fields.convention),
            element("td", { class: "word wrap", "data-head": heads[3] }, assumptions(one)),
          ),
        ),
      ),
    ),
  );
}

function assumptions(one) {
  const words = one.assumed.filter((step) => step.assumption !== "convention").map((step) => step.words);
  return words.length ? words.join("; ") : "nothing more";
}

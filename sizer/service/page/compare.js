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
      {},
      element("thead", {}, element("tr", {}, element("th", { class: "word" }, "Convention"), element("th", {}, "Weights"), element("th", {}, "Difference"), element("th", { class: "word" }, "Because of"))),
      element(
        "tbody",
        {},
        list.map((one) =>
          element(
            "tr",
            {},
            element("td", { class: "word" }, one.convention),
            element("td", {}, one.weights === null ? "" : number(one.weights)),
            element("td", {}, one.difference ? `${one.difference > 0 ? "+" : ""}${number(one.difference)}` : ""),
            element("td", { class: "word wrap" }, one.refusal ?? (Object.entries(one.difference_by_tensor).map(([name, value]) => `${name} ${value > 0 ? "+" : ""}${number(value)}`).join(", ") || "")),
          ),
        ),
      ),
    ),
  );
}

function readings(answer) {
  if (!answer.answers.length) return element("p", {}, "No reading gives this figure.");
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, element("th", {}, "Weights"), element("th", {}, "Against the plain reading"), element("th", { class: "word" }, "Convention"), element("th", { class: "word" }, "If one assumes"))),
      element(
        "tbody",
        {},
        answer.answers.map((one) =>
          element(
            "tr",
            {},
            element("td", {}, number(one.weights)),
            element("td", {}, `${one.difference > 0 ? "+" : ""}${number(one.difference)}`),
            element("td", { class: "word" }, one.fields.convention),
            element("td", { class: "word wrap" }, assumptions(one)),
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

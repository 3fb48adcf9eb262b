// What a person opens: a text becomes a sweep or a model that is written on, any other file is looked into.
import { element, say } from "./dom.js";
import { examples } from "./known.js";

const MOST_TEXT = 1048576;

// What a text is: a sweep has a grid, a model of blocks has none.
export function isModel(text) {
  return /^\s*["']?model["']?\s*:/m.test(text) && /["']?blocks["']?\s*:/.test(text) && !/^\s{0,2}["']?grid["']?\s*:/m.test(text);
}

// on.text(text), on.model(file): where a file goes.
export async function openFile(file, on) {
  const name = file.name.toLowerCase();
  const named = /\.(ya?ml|json)$/.test(name);
  if (named && file.size <= MOST_TEXT) {
    const text = await file.text();
    if (!name.endsWith(".json") || /"(sizer|blocks|grid)"\s*:/.test(text)) return on.text(text);
  }
  return on.model(file);
}

// Files that are dropped anywhere on the page.
export function takeDrops(on) {
  const place = element("div", { class: "dropping", hidden: true }, "Drop a sweep, a model of blocks or a model file");
  document.body.append(place);
  let deep = 0;
  const holds = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const end = () => {
    deep = 0;
    place.hidden = true;
  };
  addEventListener("dragenter", (event) => {
    if (!holds(event)) return;
    deep++;
    place.hidden = false;
  });
  addEventListener("dragleave", () => {
    deep = Math.max(0, deep - 1);
    if (!deep) place.hidden = true;
  });
  addEventListener("dragover", (event) => holds(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    end();
    const file = event.dataTransfer.files[0];
    if (file) openFile(file, on).catch((problem) => say(problem.message));
  });
}

// A button that asks for a file.
export function fileButton(title, onFile, id) {
  const field = element("input", { type: "file", hidden: true, id, onchange: () => field.files[0] && onFile(field.files[0]) });
  return [element("button", { type: "button", onclick: () => { field.value = ""; field.click(); } }, title), field];
}

// Example sweeps, to be opened.
export function exampleChoice(onText) {
  const choice = element("select", { id: "examples", "aria-label": "Open an example" }, element("option", { value: "" }, "Examples"));
  examples().then(
    (list) => choice.append(...list.map((one) => element("option", { value: one.name }, one.name))),
    () => (choice.hidden = true),
  );
  choice.addEventListener("change", async () => {
    const name = choice.value;
    choice.value = "";
    const one = (await examples()).find((found) => found.name === name);
    if (one) onText(one.text);
  });
  return choice;
}

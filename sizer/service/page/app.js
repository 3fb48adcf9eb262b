// The page: which address shows what. Everything it shows it asks the API for, under /v1.
import { element, replace } from "./dom.js";
import { showLook } from "./look.js";
import { showNew } from "./new.js";
import { isModel, takeDrops } from "./opening.js";
import { showSweeps, showSweep } from "./sweeps.js";
import { showCompare } from "./compare.js";
import { showModel } from "./model.js";

const PAGES = { "/": showNew, "/sweeps": showSweeps, "/compare": showCompare, "/model": showModel, "/look": showLook };
let leave = () => {};
let shown = {};

// Where what a person opens is shown. On the page that it belongs to, undo brings back what was there.
const on = {
  text: (text) => (isModel(text) ? opened("/model", "sizer-model", text) : opened("/", "sizer-sweep", text)),
  sweep: (text) => opened("/", "sizer-sweep", asSweep(text)),
  model: (file) => {
    if (location.pathname !== "/look") go("/look");
    shown.look(file);
  },
};

function opened(address, kept, text) {
  if (location.pathname === address && shown.open) return shown.open(text);
  sessionStorage.setItem(kept, text);
  return go(address);
}

// A model as a sweep: what is swept is still to be written.
function asSweep(text) {
  const head = /^sizer\s*:/m.test(text) ? "" : "sizer: 1\n";
  const name = /^name\s*:/m.test(text) ? "" : "name: my-model\n";
  return `${head}${name}${text.trimEnd()}\ngrid:\n  `;
}

function show() {
  leave();
  const main = document.getElementById("main");
  const path = location.pathname;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const ended = new AbortController();
  leave = () => ended.abort();
  replace(main);
  shown = {};
  if (Object.hasOwn(PAGES, path)) shown = PAGES[path](main, ended.signal, go, on) ?? {};
  else if (path.startsWith("/sweeps/")) showSweep(main, path.slice("/sweeps/".length), ended.signal, go);
  else
    replace(
      main,
      element("h1", {}, "There is nothing at this address"),
      element("p", {}, `There is no page at ${path}.`),
      element("p", {}, element("a", { href: "/" }, "Write a sweep"), ", or ", element("a", { href: "/sweeps" }, "see the sweeps that were run"), "."),
    );
}

// Leave for another address of the page without loading it anew.
function go(address) {
  history.pushState(null, "", address);
  show();
  document.getElementById("main").focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (!link || !plain || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.hash && link.pathname === location.pathname) return;
  if (!Object.hasOwn(PAGES, link.pathname) && !link.pathname.startsWith("/sweeps/")) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
addEventListener("popstate", show);
takeDrops(on);
show();

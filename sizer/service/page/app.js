// The page: which address shows what. Everything it shows comes from the API under /v1.
import { element, replace } from "./dom.js";
import { showNew } from "./new.js";
import { showSweeps, showSweep } from "./sweeps.js";
import { showCompare } from "./compare.js";
import { showModel } from "./model.js";

let leave = () => {};

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
  if (path === "/") showNew(main, ended.signal, go);
  else if (path === "/compare") showCompare(main, ended.signal);
  else if (path === "/model") showModel(main, ended.signal);
  else if (path === "/sweeps") showSweeps(main, ended.signal, go);
  else if (path.startsWith("/sweeps/")) showSweep(main, path.slice("/sweeps/".length), ended.signal, go);
  else replace(main, element("p", {}, "Nothing has this address."));
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
  if (!["/", "/compare", "/model", "/sweeps"].includes(link.pathname) && !link.pathname.startsWith("/sweeps/")) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
addEventListener("popstate", show);
show();

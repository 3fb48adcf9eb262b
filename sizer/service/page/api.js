// Calls of the API. A server that asks for a token gets the one that a person gave in this tab.
import { element } from "./dom.js";
import { parse, text } from "./exact.js";

export class Faults extends Error {
  constructor(status, faults) {
    super(faults.map((fault) => [fault.path, fault.message].filter(Boolean).join(": ")).join("\n") || `status ${status}`);
    this.status = status;
    this.faults = faults;
  }
}

let asking = null;

function headers(more = {}) {
  const token = sessionStorage.getItem("sizer-token");
  return token ? { ...more, authorization: `Bearer ${token}` } : more;
}

export async function response(path, { body, method, signal, type = "application/json" } = {}) {
  for (;;) {
    const sent = body === undefined ? undefined : typeof body === "string" || body instanceof Blob ? body : text(body);
    const found = await fetch(path, {
      method: method ?? (sent === undefined ? "GET" : "POST"),
      body: sent,
      headers: headers(sent === undefined ? {} : { "content-type": type }),
      signal,
    });
    if (found.status === 401) {
      asking ??= askForToken().finally(() => (asking = null));
      await asking;
      continue;
    }
    if (!found.ok) {
      const said = await found.json().catch(() => ({ faults: [] }));
      throw new Faults(found.status, said.faults ?? []);
    }
    return found;
  }
}

export async function call(path, options) {
  const found = await response(path, options);
  return found.status === 204 ? null : parse(await found.text());
}

function askForToken() {
  return new Promise((done) => {
    const field = element("input", { type: "password", name: "token", autocomplete: "off", required: true });
    const dialog = element(
      "dialog",
      {},
      element(
        "form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            sessionStorage.setItem("sizer-token", field.value.trim());
            dialog.close();
            dialog.remove();
            done();
          },
        },
        element("h2", {}, "This server asks for a token"),
        element("p", { class: "quiet" }, "It is kept in this tab, until the tab is closed."),
        element("div", { class: "row" }, element("label", {}, "Token ", field), element("button", { class: "main" }, "Go on")),
      ),
    );
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Follow server-sent events; fetch, and not EventSource, because that has no headers.
export async function follow(path, signal, onEvent) {
  const found = await response(path, { signal });
  const reader = found.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      const name = block.split("\n").find((line) => line.startsWith("event: "));
      if (data) onEvent(name?.slice(7) ?? "", parse(data.slice(6)));
    }
  }
}

// Download through a link, or, where a token is needed that a link cannot bear, through memory.
export async function download(path, name) {
  let address = path;
  if (sessionStorage.getItem("sizer-token")) {
    address = URL.createObjectURL(await (await response(path)).blob());
  }
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  if (address !== path) setTimeout(() => URL.revokeObjectURL(address), 60000);
}

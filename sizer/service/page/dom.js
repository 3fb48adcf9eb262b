// Elements are made of texts and never of HTML: nothing that a server or a person says becomes markup.

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

const whole = new Intl.NumberFormat("en-US");

export function number(value) {
  if (typeof value === "number" || typeof value === "bigint") return whole.format(value);
  if (Array.isArray(value)) return value.map(number).join(" · ");
  return value === null || value === undefined ? "" : String(value);
}

// 12,345,678 as 12.3M, as people say it.
export function short(given) {
  const value = Number(given);
  for (const [unit, size] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3]]) {
    if (Math.abs(value) >= size) return `${whole.format(+(value / size).toPrecision(3))}${unit}`;
  }
  return String(value);
}

export function bytes(given) {
  const value = Number(given);
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (value >= size) return `${+(value / size).toPrecision(3)} ${unit}`;
  }
  return `${value} bytes`;
}

let fading = 0;

export function say(text) {
  const place = document.getElementById("said");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => place.classList.remove("shown"), 4000);
}

// Call a function once things have been quiet for a moment.
export function later(milliseconds, call) {
  let waiting = 0;
  return (...given) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => call(...given), milliseconds);
  };
}

export function faultLines(faults) {
  return faults.map((fault) => [fault.path, fault.message].filter(Boolean).join(": "));
}

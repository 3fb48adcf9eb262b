// Whole numbers past 2^53, which JavaScript's own numbers would round: in JSON and in sums they become BigInt.

const MARK = "\u0000whole ";
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"\\u0000whole ${token}"` : token,
  );
  return JSON.parse(marked, (_, value) =>
    typeof value === "string" && value.startsWith(MARK) && /^-?\d+$/.test(value.slice(MARK.length)) ? BigInt(value.slice(MARK.length)) : value,
  );
}

export function text(value) {
  const marked = JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${MARK}${one}` : one));
  return marked.replace(/"\\u0000whole (-?\d+)"/g, "$1");
}

// The whole number that digits stand for.
export function whole(digits) {
  const rounded = Number(digits);
  return Number.isSafeInteger(rounded) ? rounded : BigInt(digits);
}

export function product(first, second) {
  return whole(String(BigInt(first) * BigInt(second)));
}

const UNITS = { "": 0, k: 3, m: 6, b: 9, g: 9, t: 12 };

// The whole number that a size such as 10M, 10.5K or 1e6 stands for; null where it is none. As sizer/sizes.py reads it.
export function size(words) {
  const found = /^(?=\.?[0-9])([0-9]*)(?:\.([0-9]+))?(?:e\+?([0-9]{1,3}))?([kmbgt]?)$/i.exec(words.trim());
  if (!found) return null;
  const [, before, after = "", exponent = "0", unit] = found;
  const zeros = Number(exponent) + UNITS[unit.toLowerCase()] - after.length;
  const digits = before + after;
  if (zeros >= 0) return whole(digits + "0".repeat(zeros));
  const rest = digits.slice(zeros);
  return /^0*$/.test(rest) ? whole(digits.slice(0, zeros) || "0") : null;
}

// The most weights that a budget allows, as an address has it; null where it bounds something else, or is none.
export function mostWeights(budget) {
  const found = /^(?:\s*weights\s*=)?([^=]*)$/.exec(budget);
  return found ? size(found[1]) : null;
}

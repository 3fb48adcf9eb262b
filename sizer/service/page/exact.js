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

const BYTES = { b: 1n, kb: 10n ** 3n, mb: 10n ** 6n, gb: 10n ** 9n, tb: 10n ** 12n, kib: 2n ** 10n, mib: 2n ** 20n, gib: 2n ** 30n, tib: 2n ** 40n };
const OF_A_WEIGHT = { float32_bytes: 4n, float16_bytes: 2n, int8_bytes: 1n };

// The bytes that a size such as 2MB, 2MiB or 10M stands for; null where it is none.
function sizeInBytes(words) {
  const found = /^([0-9]*)(?:\.([0-9]+))?([kmgt]i?b|b)$/i.exec(words.trim());
  if (!found || !(found[1] || found[2])) return size(words);
  const [, before, after = "", unit] = found;
  const value = BigInt(before + after) * BYTES[unit.toLowerCase()];
  const part = 10n ** BigInt(after.length);
  return value % part ? null : whole(String(value / part));
}

// The bounds that a person writes in one line: 10M, int8_bytes=2MB.
export function boundsOf(budget) {
  return budget.split(/[,;]|\s+and\s+/).map((one) => one.trim()).filter(Boolean);
}

// The most weights that a budget allows, as an address has it; null where it bounds something else, or is none.
export function mostWeights(budget) {
  const most = boundsOf(budget).map((bound) => {
    const [, column, words] = /^(?:([^=]*)=)?([^=]*)$/.exec(bound) ?? [];
    if (words === undefined) return null;
    const name = (column ?? "weights").trim().replaceAll("-", "_");
    if (name === "weights") return size(words);
    const bytes = OF_A_WEIGHT[name] && sizeInBytes(words);
    return bytes === undefined || bytes === null ? null : whole(String(BigInt(bytes) / OF_A_WEIGHT[name]));
  });
  return most.filter((one) => one !== null).reduce((least, one) => (least === null || BigInt(one) < BigInt(least) ? one : least), null);
}

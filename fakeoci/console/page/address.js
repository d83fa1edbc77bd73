// IPv4 arithmetic, for the single addresses of a block.

const toNumber = (text) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
const toText = (number) =>
  [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");

/** Return the addresses of an entry: all of a small IPv4 block, else the first. */
export function addresses(entry) {
  const isBlock = !entry.address.includes(":") && entry.prefix < 32 && entry.prefix >= 27;
  if (!isBlock) return [entry.address];
  const first = toNumber(entry.address);
  return Array.from({ length: 2 ** (32 - entry.prefix) }, (_, at) => toText(first + at));
}

/** Return the text of an entry: an address, or a block with its prefix. */
export function title(entry) {
  const whole = entry.address.includes(":") ? 128 : 32;
  return entry.prefix === whole ? entry.address : `${entry.address}/${entry.prefix}`;
}

/** Sort addresses by their numbers; IPv6 comes after IPv4. */
export function inOrder(one, other) {
  const key = (a) => (a.address.includes(":") ? Infinity : toNumber(a.address));
  if (one.isPrimary !== other.isPrimary) return one.isPrimary ? -1 : 1;
  return key(one) - key(other) || one.address.localeCompare(other.address);
}

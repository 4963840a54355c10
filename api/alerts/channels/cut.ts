import type { Part, Text } from "../text/text.ts";
import { clean, cleanWords } from "./inert.ts";

/** How a provider spells text, so that nothing in it is obeyed, and how it counts what was spelt. */
export type Dialect = {
  /** Words, escaped so that they read as they are. They may hold names of others, too. */
  words: (text: string) => string;
  /** A name of others, clean already: as code, where the dialect has that. */
  name: (text: string) => string;
  /** What is to be typed or set; clean already. Default: as names. */
  code?: (text: string) => string;
  /** Spelt text that stands out. Default: as it is. */
  strong?: (spelt: string) => string;
  /** Default: UTF-16 units. */
  size?: (spelt: string) => number;
};

const ENCODER = new TextEncoder();
export const bytesOf = (text: string): number => ENCODER.encode(text).length;
/** Code points, as Go and Telegram's limits of characters have it. */
export const runesOf = (text: string): number => {
  let runes = text.length;
  for (let at = 0; at < text.length - 1; at += 1) {
    if (text.charCodeAt(at) >>> 10 === 0x36 && text.charCodeAt(at + 1) >>> 10 === 0x37) runes -= 1;
  }
  return runes;
};
const unitsOf = (text: string): number => text.length;

/** Text in a dialect, of at most `max` as the dialect counts; what is cut ends with an ellipsis, never within a mark or an escape. */
export function spelt(text: Text, dialect: Dialect, max = Infinity): string {
  const size = dialect.size ?? unitsOf;
  const parts = text.map((part) => speltPart(part, dialect));
  const whole = parts.join("");
  if (size(whole) <= max) return whole;
  let kept = "";
  for (const [at, part] of parts.entries()) {
    if (size(`${kept}${part}…`) > max) {
      return `${kept}${cutPart(text[at] ?? "", dialect, max - size(`${kept}…`))}…`;
    }
    kept += part;
  }
  return kept;
}

const speltPart = (part: Part, dialect: Dialect): string => {
  if (typeof part === "string") return dialect.words(cleanWords(part));
  if ("name" in part) return dialect.name(clean(part.name));
  return (dialect.code ?? dialect.name)(clean(part.code, Infinity));
};

/** As many of its code points as there is room for. */
function cutPart(part: Part, dialect: Dialect, room: number): string {
  const size = dialect.size ?? unitsOf;
  const points = Array.from(rawOf(part));
  let fits = 0;
  let tooMany = points.length + 1;
  while (tooMany - fits > 1) {
    const tried = (fits + tooMany) >>> 1;
    if (size(speltPart(withRaw(part, points.slice(0, tried).join("")), dialect)) <= room) fits = tried;
    else tooMany = tried;
  }
  return fits === 0 ? "" : speltPart(withRaw(part, points.slice(0, fits).join("")), dialect);
}

const rawOf = (part: Part): string => {
  if (typeof part === "string") return part;
  return "name" in part ? clean(part.name) : part.code;
};
const withRaw = (part: Part, raw: string): Part => {
  if (typeof part === "string") return raw;
  return "name" in part ? { name: raw } : { code: raw };
};

/** Plain text of at most `max` UTF-16 units, cut between code points. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = max - 1;
  const split = text.charCodeAt(end - 1) >>> 10 === 0x36 ? end - 1 : end;
  return `${text.slice(0, Math.max(split, 0))}…`;
}

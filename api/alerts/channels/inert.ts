/** What is obeyed instead of shown, or not shown: controls, what turns, joins or hides text, lone surrogates. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]+/gu;
const BLANKS = /[\t-\r\p{Z}]+/gu;

/** Code points of a name that are shown: the longest names of Kubernetes are of 253, most of under 60. */
export const MAX_NAME = 128;
/** Nothing else can stand for nothing within marks. */
const NAMELESS = "?";

/**
 * Foreign text as every dialect may show it within its marks of code: on one line, without what is obeyed, without the backtick that
 * would end such a span, never empty. Longer ones lose their middle: Pods of one workload differ at the end.
 */
export function clean(text: string, max = MAX_NAME): string {
  // Far more than is shown is not looked at; a code point has two units at most.
  const seen = text.length > 8 * MAX_NAME ? text.slice(0, 4 * MAX_NAME) + text.slice(-4 * MAX_NAME) : text;
  const shown = seen
    .replaceAll(BLANKS, " ")
    .replaceAll(OBEYED, "")
    .replaceAll("`", "'")
    .replaceAll(BLANKS, " ")
    .trim();
  if (shown === "") return NAMELESS;
  const points = Array.from(shown);
  if (points.length <= max) return shown;
  const tail = Math.floor((max - 1) / 3);
  return `${points.slice(0, max - 1 - tail).join("")}…${points.slice(points.length - tail).join("")}`;
}

/** Words of the service, and of notices, that may hold names: as `clean`, of any length. */
export const cleanWords = (text: string): string =>
  text.replaceAll(BLANKS, " ").replaceAll(OBEYED, "").replaceAll("`", "'");

/** Invisible, and no part of any mention, link or tag: what stands around it is not read as one. */
export const WORD_JOINER = "\u2060";

/** Words in which no chat sees a mention, a tag or an address to link, where it has no way to escape them. */
export const unlinked = (text: string): string =>
  text.replaceAll(/[@#~]|:(?=\/\/)/g, (mark) => mark + WORD_JOINER);

/**
 * What a terminal would obey instead of showing, or not show at all: control characters, with which an escape sequence begins;
 * what turns the direction of text, joins or hides it; lone surrogates; line ends of Unicode.
 */
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Foreign text as a terminal may show it on one line; what it would obey is spelt as `\u{1b}`. */
export const inert = (text: string): string =>
  text.replaceAll(OBEYED, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

/** An answer of which all texts are inert, names of fields too. */
export function inertAnswer(value: unknown): unknown {
  if (typeof value === "string") return inert(value);
  if (Array.isArray(value)) return value.map(inertAnswer);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [inert(name), inertAnswer(field)]));
}

/** The same JSON, of which a terminal obeys nothing: within its strings such characters have another spelling. */
export const inertJson = (json: string): string =>
  json.replaceAll(OBEYED, (character) =>
    /[\t\r\n]/.test(character)
      ? character
      : Array.from({ length: character.length }, (_, at) => unit(character, at)).join(""),
  );

const unit = (character: string, at: number): string =>
  `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;

/** A piece of a message: words of the service; a name that others chose, and that may be anything; something to be typed or set. */
export type Part = string | { name: string } | { code: string };
export type Text = readonly Part[];

type Said = Part | Text | number;

/** Template of a text: numbers are written as they are, parts and texts stay what they are. */
export function say(words: TemplateStringsArray, ...values: readonly Said[]): Text {
  return compact(
    words.flatMap((word, at) => {
      const value = values[at];
      return value === undefined ? [word] : [word, ...partsOf(value)];
    }),
  );
}

/** The same with words that stand side by side as one, and none that are empty. */
export function compact(text: Text): Text {
  const parts: Part[] = [];
  for (const part of text) {
    const last = parts.at(-1);
    if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
    else if (part !== "") parts.push(part);
  }
  return parts;
}

const partsOf = (value: Said): Text => {
  if (typeof value === "number") return [String(value)];
  return typeof value === "string" || "name" in value || "code" in value ? [value] : value;
};

/** Texts with the same words between each two. */
export const joined = (texts: readonly Text[], between: string): Text =>
  texts.flatMap((text, at) => (at === 0 ? text : [between, ...text]));

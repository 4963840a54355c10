import { clean } from "../channels/inert.ts";
import type { Message } from "./message.ts";
import type { Part, Text } from "./text.ts";

/** How much of a message is said. */
type Shape = { sections: number; fields: number; advice: number; paragraphs: number; names: number };

/** From all of it to what always fits: titles and names are bounded, so that the last is of some hundred characters. */
const SHAPES: readonly Shape[] = [
  { sections: Infinity, fields: Infinity, advice: Infinity, paragraphs: Infinity, names: 128 },
  { sections: Infinity, fields: Infinity, advice: 1, paragraphs: 2, names: 64 },
  { sections: 3, fields: 6, advice: 1, paragraphs: 2, names: 48 },
  { sections: 1, fields: 5, advice: 1, paragraphs: 1, names: 48 },
  { sections: 1, fields: 2, advice: 0, paragraphs: 1, names: 32 },
  { sections: 0, fields: 0, advice: 0, paragraphs: 0, names: 24 },
];

/** The fullest form of a message that a provider takes, as `render` makes it. The link is in each. */
export function fitted<Rendered>(
  message: Message,
  render: (message: Message) => Rendered,
  fits: (rendered: Rendered) => boolean,
): Rendered {
  const [whole, ...shorter] = SHAPES.map((shape) => () => render(shaped(message, shape)));
  let rendered = whole?.() ?? render(message);
  for (const next of shorter) {
    if (fits(rendered)) return rendered;
    rendered = next();
  }
  return rendered;
}

function shaped(message: Message, { sections, fields, advice, paragraphs, names }: Shape): Message {
  const short = (text: Text): Text => text.map((part) => shortName(part, names));
  return {
    ...message,
    title: short(message.title),
    paragraphs: message.paragraphs.slice(0, paragraphs).map(short),
    sections: message.sections.slice(0, sections).map((section) => ({
      heading: short(section.heading),
      fields: section.fields.slice(0, fields).map(({ label, value }) => ({ label, value: short(value) })),
    })),
    advice: message.advice.slice(0, advice).map(short),
  };
}

const shortName = (part: Part, max: number): Part =>
  typeof part === "object" && "name" in part ? { name: clean(part.name, max) } : part;

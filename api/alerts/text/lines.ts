import { type Dialect, spelt } from "../channels/cut.ts";
import { fitted } from "./shape.ts";
import type { Message } from "./message.ts";

/** How lines are put together in a dialect. */
export type Layout = Dialect & {
  /** Before each line of a list. */
  bullet: string;
  /** A link of the service, spelt; default: its label, then its address. */
  link?: (link: { label: string; url: string }) => string;
  /** Between blocks of lines: a paragraph in most dialects. Default: an empty line. */
  between?: string;
  /** Between lines of a block. */
  lineEnd?: string;
};

/** A whole message as one text, title first, link last, for providers that take a text; not bounded: see `linesWithin`. */
export function lines(message: Message, layout: Layout, { title = true }: { title?: boolean } = {}): string {
  const { strong = (text: string) => text, bullet, between = "\n\n", lineEnd = "\n" } = layout;
  const label = (text: string) => strong(layout.words(text));
  const blocks = [
    ...(title ? [[strong(spelt(message.title, layout))]] : []),
    ...message.paragraphs.map((text) => [spelt(text, layout)]),
    ...message.sections.map(({ heading, fields }) => [
      strong(spelt(heading, layout)),
      ...fields.map(
        (field) => `${bullet}${layout.words(`${field.label}${message.colon}`)}${spelt(field.value, layout)}`,
      ),
    ]),
    ...(message.advice.length === 0
      ? []
      : [[label(message.adviceLabel), ...message.advice.map((text) => `${bullet}${spelt(text, layout)}`)]]),
    ...(message.link ? [[linked(message, message.link, layout)]] : []),
  ];
  return blocks.map((block) => block.join(lineEnd)).join(between);
}

const linked = ({ colon }: Message, link: { label: string; url: string }, layout: Layout): string =>
  layout.link?.(link) ?? `${layout.words(link.label + colon)}${link.url}`;

/** The fullest form that is of at most `max` as the dialect counts. */
export function linesWithin(message: Message, layout: Layout, max: number): string {
  const size = layout.size ?? ((text: string) => text.length);
  return fitted(
    message,
    (shorter) => lines(shorter, layout),
    (text) => size(text) <= max,
  );
}

const PLAIN: Layout = { words: (text) => text, name: (text) => text, bullet: "- " };

/** As plain text, of at most so many UTF-16 units: where a provider shows no other, and in logs of tests. */
export const plain = (message: Message, max = 2_000): string => linesWithin(message, PLAIN, max);
/** The title alone, for notifications of phones and providers' fallbacks. */
export const plainTitle = ({ title }: Message, max = 200): string => spelt(title, PLAIN, max);

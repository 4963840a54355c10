import type { Asked, Verdict } from "./play.ts";

/** What a reader sees of a message, and what of it a client obeys. */
export type Read = {
  /** All text, without marks. */
  shown: string;
  /** Of people, groups, channels; commands and tags, too. */
  mentions: string[];
  /** Where links lead to. */
  links: string[];
  /** How often each mark is used: bold, code, heading … */
  marks: Record<string, number>;
};

export const nothing = (): Read => ({ shown: "", mentions: [], links: [], marks: {} });
export const mark = (read: Read, name: string): void => {
  read.marks[name] = (read.marks[name] ?? 0) + 1;
};
export function merged(reads: readonly Read[]): Read {
  const all = nothing();
  for (const read of reads) {
    all.shown += `${read.shown}\n`;
    all.mentions.push(...read.mentions);
    all.links.push(...read.links);
    for (const [name, count] of Object.entries(read.marks)) all.marks[name] = (all.marks[name] ?? 0) + count;
  }
  return all;
}

export const taken = (read: Read, said: Verdict<Read>["said"]): Verdict<Read> => ({ said, accepted: read });
export const refused = (status: number, body: string, why = body): Verdict<Read> => ({
  said: { status, body },
  why: `${status} ${why}`,
});
export const sizeOf = (text: string): number => new TextEncoder().encode(text).length;
/** The token of every chat that is played. */
export const TOKEN = "good0token0of0some0length00";
export const isPost = ({ method }: Asked): boolean => method === "POST";

export type Object = Record<string, unknown>;
/** Throws unless it is an object of these fields only. */
export function fields(value: unknown, allowed: readonly string[], what: string): Object {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${what} is no object`);
  const unknown = Object.keys(value).find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw new Error(`${what}: unknown field ${unknown}`);
  return value as Object;
}
/** Throws unless it is text of at most so many characters, and not empty. */
export function text(value: unknown, max: number, what: string): string {
  if (typeof value !== "string" || value.trim() === "") throw new Error(`${what} is no text`);
  if (value.length > max) throw new Error(`${what} has ${value.length} characters`);
  return value;
}
export function list(value: unknown, max: number, what: string): unknown[] {
  if (!Array.isArray(value) || value.length > max) throw new Error(`${what} is no list of at most ${max}`);
  return value;
}

export type Markdown = {
  /** What pings somebody where it stands outside of code, even after a backslash where `escapable` is false. */
  mention: RegExp;
  escapable: boolean;
};

/** Reads markdown as chats do: spans of code hide all else, a backslash hides a mark, addresses become links by themselves. */
export function readMarkdown(source: string, { mention, escapable }: Markdown): Read {
  const read = nothing();
  // What is escaped is no mark; a letter of the private area stands for it.
  const hidden: string[] = [];
  const hide = (shown: string) => {
    hidden.push(shown);
    return String.fromCharCode(0xe000 + hidden.length - 1);
  };
  let rest = source.replaceAll(/\\([!-/:-@[-`{-~])|`([^`\n]+)`/g, (_, escaped?: string, code?: string) => {
    if (code !== undefined) mark(read, "code");
    else if (!escapable && /[@#~:/]/.test(escaped ?? "")) return escaped ?? "";
    return hide(code ?? escaped ?? "");
  });
  rest = rest.replaceAll(/!?\[([^\]]*)\]\(([^)\s]*)\)/g, (_, label: string, url: string) => {
    read.links.push(url);
    return label;
  });
  for (const [found] of rest.matchAll(/https?:\/\/\S+/gi)) read.links.push(found);
  for (const [found] of rest.matchAll(mention)) read.mentions.push(found);
  const marks: Record<string, RegExp> = {
    bold: /\*\*(?=\S)/g,
    stroke: /~~(?=\S)/g,
    spoiler: /\|\|(?=\S)/g,
    italic: /(?<![*\w])[*_](?=[^\s*_])/g,
    heading: /^#{1,6} /gm,
    emoji: /:[a-z_]+:/g,
    quote: /^>/gm,
    item: /^- /gm,
    tick: /`/g,
  };
  for (const [name, pattern] of Object.entries(marks)) {
    const count = [...rest.matchAll(pattern)].length;
    if (count > 0) read.marks[name] = count;
  }
  const shown = rest.replaceAll(/\*\*/g, "");
  read.shown = shown.replaceAll(
    /[\ue000-\uf8ff]/g,
    (letter) => hidden[letter.charCodeAt(0) - 0xe000] ?? letter,
  );
  return read;
}

const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"' };
export const unescaped = (html: string): string =>
  html.replaceAll(/&(?:lt|gt|amp|quot);/g, (entity) => ENTITIES[entity] ?? entity);

export type Html = { tags: readonly string[]; mention: RegExp };

/** Reads the little HTML that chats know. Throws where a tag is not known or not closed, or an entity is none. */
export function readHtml(source: string, { tags, mention }: Html): Read {
  const read = nothing();
  const open: string[] = [];
  let loose = "";
  for (const [token] of source.matchAll(/<[^>]*>?|[^<]+/g)) {
    if (token.startsWith("<")) readTag(token, { tags, open, read });
    else {
      const shown = literal(token);
      read.shown += shown;
      loose += open.includes("code") ? " " : shown;
    }
  }
  if (open.length > 0) throw new Error(`${open.join(" ")} is not closed`);
  for (const [found] of loose.matchAll(/https?:\/\/\S+/gi)) read.links.push(found);
  for (const [found] of loose.matchAll(mention)) read.mentions.push(found);
  return read;
}

function literal(token: string): string {
  if (/&(?!(?:lt|gt|amp|quot);)|>/.test(token)) throw new Error(`a loose mark in ${token}`);
  return unescaped(token);
}

function readTag(
  token: string,
  { tags, open, read }: { tags: readonly string[]; open: string[]; read: Read },
): void {
  const [, closing, name = "", href] = /^<(\/?)([a-z]+)(?: href="([^"<>]*)")?>$/.exec(token) ?? [];
  if (!tags.includes(name)) throw new Error(`unsupported tag ${token}`);
  if (name === "br") read.shown += "\n";
  else if (closing) {
    if (open.pop() !== name) throw new Error(`${token} closes nothing`);
  } else {
    if (open.length > 0 && (name === "code" || open.includes("code"))) throw new Error("code within a mark");
    open.push(name);
    mark(read, name);
    if (href !== undefined) read.links.push(unescaped(href));
  }
}

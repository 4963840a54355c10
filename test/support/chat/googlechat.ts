import { type Asked, isJson, type Said, type Verdict } from "./play.ts";
import { fields, isPost, list, merged, nothing, type Read, readHtml, sizeOf, text, TOKEN } from "./read.ts";

export const PATH = "/v1/spaces/AAAAabcdefg/messages";
export const QUERY = `?key=AIzaSyGoodKey&token=${TOKEN}`;
const MAX_BYTES = 32_000;
const TAGS = ["b", "i", "u", "s", "a", "font", "br"];

const sorry = (code: number, status: string, message: string): Verdict<never> => ({
  said: { status: code, body: JSON.stringify({ error: { code, message, status } }) },
  why: message,
});

export type InThread = Read & {
  thread: string;
  /** It was made before, by a request of the same id. */
  again: boolean;
};

/** A webhook of a space of Google Chat; a request id that it knows is answered with the message it made before. */
export function googlechatVerdict(): (asked: Asked) => Verdict<InThread> {
  const made = new Map<string, string>();
  const threads = new Map<string, string>();
  return (asked) => {
    const refusal = refusalOf(asked);
    if (refusal) return refusal;
    try {
      const body = fields(JSON.parse(asked.body), ["text", "fallbackText", "cardsV2", "thread"], "message");
      const read = merged([
        readPlain(body["fallbackText"]),
        ...list(body["cardsV2"], 1, "cardsV2").map(readCard),
      ]);
      const key = text(fields(body["thread"], ["threadKey"], "thread")["threadKey"], 4_000, "threadKey");
      const request = asked.query.get("requestId") ?? "";
      const again = request !== "" && made.has(request);
      const name = (again && made.get(request)) || `spaces/AAAAabcdefg/messages/m${made.size}`;
      made.set(request, name);
      const thread = threadOf(asked, key);
      const said = { status: 200, body: JSON.stringify({ name, thread: { name: thread } }) };
      return { said, accepted: { ...read, thread, again } };
    } catch (error) {
      return sorry(400, "INVALID_ARGUMENT", `Invalid JSON payload received. ${String(error)}`);
    }
  };

  function threadOf({ query }: Asked, key: string): string {
    const replies = query.get("messageReplyOption") === "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";
    const thread = (replies ? threads.get(key) : undefined) ?? `spaces/AAAAabcdefg/threads/t${threads.size}`;
    threads.set(key, thread);
    return thread;
  }
}

function refusalOf(asked: Asked): Verdict<never> | undefined {
  const { path, query } = asked;
  if (path !== PATH || query.get("key") !== "AIzaSyGoodKey") {
    return sorry(404, "NOT_FOUND", "Requested entity was not found.");
  }
  if (query.get("token") !== TOKEN) return sorry(400, "INVALID_ARGUMENT", "Invalid webhook token.");
  if (!isPost(asked) || !isJson(asked)) return sorry(400, "INVALID_ARGUMENT", "Invalid JSON");
  if (sizeOf(asked.body) > MAX_BYTES) return sorry(400, "INVALID_ARGUMENT", "Message is too long.");
  return undefined;
}

/** Mentions and links in angle brackets; markup of a little. */
function readPlain(value: unknown): Read {
  const shown = text(value, 4_096, "fallbackText");
  return { ...nothing(), shown, mentions: [...shown.matchAll(/<[^>]*>/g)].map(([found]) => found) };
}

const html = (value: unknown, what: string): Read =>
  readHtml(text(value, 32_000, what), { tags: TAGS, mention: /@\w+/g });

function readCard(value: unknown): Read {
  const { card, cardId } = fields(value, ["cardId", "card"], "cardsV2");
  text(cardId, 64, "cardId");
  const sections = list(fields(card, ["header", "sections"], "card")["sections"], 100, "sections");
  return merged(sections.flatMap(readSection));
}

function readSection(value: unknown): Read[] {
  const section = fields(value, ["header", "widgets"], "section");
  const widgets = list(section["widgets"], 100, "widgets");
  if (widgets.length === 0) throw new Error("a section without widgets");
  return [
    ...(section["header"] === undefined ? [] : [html(section["header"], "header")]),
    ...widgets.map(readWidget),
  ];
}

function readWidget(value: unknown): Read {
  const widget = fields(value, ["textParagraph", "decoratedText", "buttonList"], "widget");
  if (Object.keys(widget).length !== 1) throw new Error("a widget is one thing");
  if (widget["textParagraph"])
    return html(fields(widget["textParagraph"], ["text"], "textParagraph")["text"], "text");
  if (widget["decoratedText"]) {
    const { topLabel, text: shown } = fields(
      widget["decoratedText"],
      ["topLabel", "text", "wrapText"],
      "decoratedText",
    );
    return merged([html(topLabel, "topLabel"), html(shown, "text")]);
  }
  const read = nothing();
  for (const value of list(
    fields(widget["buttonList"], ["buttons"], "buttonList")["buttons"],
    6,
    "buttons",
  )) {
    const button = fields(value, ["text", "onClick"], "button");
    const { url } = fields(
      fields(button["onClick"], ["openLink"], "onClick")["openLink"],
      ["url"],
      "openLink",
    );
    read.links.push(new URL(String(url)).href);
  }
  return read;
}

const answer = (code: number, status: string, message: string): Said => ({
  status: code,
  body: JSON.stringify({ error: { code, message, status } }),
});
export const GOOGLECHAT_TROUBLE = {
  tooOften: answer(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
  errorIn200: { status: 200, body: '{"error":{"code":400,"status":"INVALID_ARGUMENT"}}' },
  token: answer(400, "INVALID_ARGUMENT", "Invalid webhook token."),
  gone: answer(404, "NOT_FOUND", "Requested entity was not found."),
  refused: answer(400, "INVALID_ARGUMENT", "Invalid JSON payload received."),
  broken: answer(503, "UNAVAILABLE", "The service is currently unavailable."),
} satisfies Record<string, Said>;

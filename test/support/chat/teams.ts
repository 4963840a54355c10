import { type Asked, isJson, type Said, type Verdict } from "./play.ts";
import {
  fields,
  isPost,
  list,
  mark,
  nothing,
  type Read,
  refused,
  sizeOf,
  taken,
  text,
  TOKEN,
} from "./read.ts";

export const PATH = `/workflows/0123456789abcdef/triggers/manual/paths/invoke`;
export const QUERY = `?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${TOKEN}`;
const MAX_BYTES = 28 * 1_024;

/** A workflow that posts cards to a channel: answers before the card is looked at, so that this is stricter than the real one. */
export function teamsVerdict(asked: Asked): Verdict<Read> {
  if (asked.path !== PATH)
    return refused(404, '{"error":{"code":"WorkflowNotFound","message":"no such workflow"}}');
  if (asked.query.get("sig") !== TOKEN) {
    return refused(401, '{"error":{"code":"DirectApiAuthorizationRequired","message":"sig"}}');
  }
  if (!isPost(asked) || !isJson(asked))
    return refused(400, '{"error":{"code":"TriggerInputSchemaMismatch"}}');
  if (sizeOf(asked.body) > MAX_BYTES) return refused(413, '{"error":{"code":"RequestEntityTooLarge"}}');
  try {
    const body = fields(JSON.parse(asked.body), ["type", "attachments"], "message");
    if (body["type"] !== "message") throw new Error("type");
    const read = nothing();
    for (const value of list(body["attachments"], 1, "attachments")) {
      const attachment = fields(value, ["contentType", "contentUrl", "content"], "attachment");
      if (attachment["contentType"] !== "application/vnd.microsoft.card.adaptive")
        throw new Error("contentType");
      if (attachment["contentUrl"] !== null) throw new Error("contentUrl");
      readCard(attachment["content"], read);
    }
    return taken(read, { status: 202, body: "" });
  } catch (error) {
    return refused(400, '{"error":{"code":"TriggerInputSchemaMismatch"}}', String(error));
  }
}

function readCard(value: unknown, read: Read): void {
  const card = fields(value, ["$schema", "type", "version", "body", "actions", "msteams"], "card");
  if (card["type"] !== "AdaptiveCard" || !/^1\.[2-5]$/.test(String(card["version"]))) throw new Error("card");
  const teams = fields(card["msteams"] ?? {}, ["width", "entities"], "msteams");
  if (teams["entities"] !== undefined) read.mentions.push(JSON.stringify(teams["entities"]));
  for (const element of list(card["body"], 200, "body")) {
    const block = fields(element, ["type", "inlines", "spacing"], "element");
    if (block["type"] !== "RichTextBlock")
      throw new Error(`element ${String(block["type"])} would be markdown`);
    for (const inline of list(block["inlines"], 100, "inlines")) readRun(inline, read);
    read.shown += "\n";
  }
  for (const value of list(card["actions"] ?? [], 6, "actions")) {
    const action = fields(value, ["type", "title", "url"], "action");
    if (action["type"] !== "Action.OpenUrl") throw new Error("action");
    read.links.push(new URL(String(action["url"])).href);
  }
}

function readRun(value: unknown, read: Read): void {
  const run = fields(value, ["type", "text", "weight", "fontType", "size", "color"], "run");
  if (run["type"] !== "TextRun") throw new Error("run");
  if (typeof run["text"] !== "string" || run["text"] === "") throw new Error("run without text");
  const shown = run["fontType"] === "Monospace" ? text(run["text"], 28_000, "run") : run["text"];
  if (/\{\{(?:DATE|TIME)\(/.test(shown)) mark(read, "date");
  if (run["fontType"] === "Monospace") mark(read, "code");
  read.shown += shown;
}

export const TEAMS_TROUBLE = {
  tooOften: {
    status: 429,
    headers: { "retry-after": "17" },
    body: '{"error":{"code":"WorkflowTriggerThrottled"}}',
  },
  /** The old connectors. */
  errorIn200: {
    status: 200,
    body: "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x",
  },
  off: { status: 400, body: '{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"…"}}' },
  gone: { status: 404, body: '{"error":{"code":"WorkflowNotFound"}}' },
  tooLarge: { status: 413, body: "" },
  broken: { status: 502, body: '{"error":{"code":"NoResponse"}}' },
} satisfies Record<string, Said>;

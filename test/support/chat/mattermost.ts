import { type Asked, isJson, type Said, type Verdict } from "./play.ts";
import { fields, isPost, list, merged, type Read, readMarkdown, refused, taken, text } from "./read.ts";

export const PATH = "/hooks/xkcd8r1y4pbyzfa8kz5h3cgd3w";
const MAX_RUNES = 16_383;
/** A backslash does not keep somebody from being called. */
const MENTION = /@[a-z][\w.-]*|(?<=^|\s)#[a-z]\w+|(?<=^|\s)~[a-z][\w-]+/gi;
const read = (source: string) => readMarkdown(source, { mention: MENTION, escapable: false });
const error = (status: number, id: string, why?: string) =>
  refused(status, JSON.stringify({ id, message: "…", detailed_error: "", status_code: status }), why ?? id);

/** An incoming webhook of a Mattermost server: `ok`, or an error of its own kind. */
export function mattermostVerdict(asked: Asked): Verdict<Read> {
  if (!isPost(asked)) return error(405, "api.context.405.app_error");
  if (asked.path !== PATH) return error(400, "web.incoming_webhook.invalid.app_error");
  if (!isJson(asked)) return error(400, "web.incoming_webhook.parse.app_error");
  try {
    const body = fields(
      JSON.parse(asked.body),
      ["text", "username", "icon_url", "channel", "attachments", "props", "type"],
      "message",
    );
    const texts = [
      text(body["text"], Infinity, "text"),
      ...list(body["attachments"] ?? [], 10, "attachments").map(ofAttachment),
    ];
    const runes = Array.from(texts.join("")).length;
    if (runes > MAX_RUNES) return error(400, "web.incoming_webhook.text.length.app_error", `${runes} runes`);
    return taken(merged(texts.map(read)), {
      status: 200,
      headers: { "content-type": "text/plain" },
      body: "ok",
    });
  } catch (cause) {
    return error(400, "web.incoming_webhook.parse.app_error", String(cause));
  }
}

function ofAttachment(value: unknown): string {
  const attachment = fields(
    value,
    ["fallback", "color", "text", "title", "title_link", "fields"],
    "attachment",
  );
  if (!/^#[0-9a-f]{6}$/.test(String(attachment["color"]))) throw new Error("color");
  text(attachment["fallback"], 1_000, "fallback");
  return String(attachment["text"]);
}

export const MATTERMOST_TROUBLE = {
  tooOften: {
    status: 429,
    headers: { "retry-after": "7", "x-ratelimit-reset": "7" },
    body: "limit exceeded",
  },
  errorIn200: { status: 200, body: '{"id":"api.post.create_post.app_error","status_code":200}' },
  gone: { status: 400, body: '{"id":"web.incoming_webhook.invalid.app_error","message":"Invalid webhook."}' },
  refused: { status: 400, body: '{"id":"web.incoming_webhook.parse.app_error"}' },
  broken: { status: 500, body: '{"id":"web.incoming_webhook.general.app_error"}' },
} satisfies Record<string, Said>;

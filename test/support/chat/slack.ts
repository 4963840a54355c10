import { type Asked, isJson, type Said, type Verdict } from "./play.ts";
import {
  fields,
  isPost,
  list,
  mark,
  merged,
  nothing,
  type Read,
  refused,
  taken,
  text,
  TOKEN,
  unescaped,
} from "./read.ts";

export const PATH = `/services/T00000000/B00000000/${TOKEN}`;
const OK: Said = { status: 200, headers: { "content-type": "text/html" }, body: "ok" };

/** An incoming webhook of Slack: answers in words. */
export function slackVerdict(asked: Asked): Verdict<Read> {
  if (!isPost(asked)) return refused(405, "method_not_allowed");
  if (!asked.path.startsWith("/services/")) return refused(404, "no_service");
  if (asked.path !== PATH) return refused(403, "invalid_token");
  if (!isJson(asked)) return refused(400, "invalid_payload");
  // It breaks off somewhat above this, whatever single blocks may hold.
  if (asked.body.length > 13_000) return refused(400, "msg_too_long");
  try {
    const body = fields(
      JSON.parse(asked.body),
      ["text", "blocks", "mrkdwn", "link_names", "unfurl_links", "unfurl_media", "attachments"],
      "message",
    );
    const reads = list(body["blocks"], 50, "blocks").map(readBlock);
    // Notifications show it; it is parsed as all text is.
    const fallback = readMrkdwn(text(body["text"], 40_000, "text"), { marks: body["mrkdwn"] !== false });
    return taken({ ...merged(reads), mentions: [...merged(reads).mentions, ...fallback.mentions] }, OK);
  } catch (error) {
    return refused(400, "invalid_blocks", String(error));
  }
}

function readBlock(value: unknown): Read {
  const { type } = value as { type: string };
  if (type === "header") {
    const block = fields(value, ["type", "text"], "header");
    const plain = fields(block["text"], ["type", "text", "emoji"], "header text");
    if (plain["type"] !== "plain_text") throw new Error("headers are plain text");
    const shown = text(plain["text"], 150, "header");
    // Said to be literal; nothing that would be a mention elsewhere should get there all the same.
    return { ...nothing(), shown, mentions: [...shown.matchAll(/<[!@#][^>]*>/g)].map(([found]) => found) };
  }
  if (type !== "section") throw new Error(`unknown block ${type}`);
  const block = fields(value, ["type", "text", "fields"], "section");
  const texts = [
    [block["text"], 3_000] as const,
    ...list(block["fields"] ?? [], 10, "fields").map((field) => [field, 2_000] as const),
  ];
  return merged(
    texts.map(([value, max]) => {
      const mrkdwn = fields(value, ["type", "text", "verbatim"], "text");
      if (mrkdwn["type"] !== "mrkdwn") throw new Error("a section of plain text");
      return readMrkdwn(text(mrkdwn["text"], max, "section"), {
        marks: true,
        linked: mrkdwn["verbatim"] !== true,
      });
    }),
  );
}

/** Angle brackets are obeyed within code, too. */
function readMrkdwn(source: string, { marks, linked = true }: { marks: boolean; linked?: boolean }): Read {
  const read = nothing();
  let rest = source.replaceAll(/<([^>]*)>/g, (_, inner: string) => {
    const [target = "", label = ""] = inner.split("|");
    if (/^https?:/.test(target)) read.links.push(unescaped(target));
    else read.mentions.push(inner);
    return label;
  });
  if (rest.includes("<")) throw new Error("a loose bracket");
  rest = rest.replaceAll(/`([^`\n]+)`/g, (_, code: string) => {
    mark(read, "code");
    read.shown += `${unescaped(code)} `;
    return "";
  });
  if (marks) {
    for (const [name, pattern] of Object.entries({
      bold: /\*(?=[^*\n]*\*)/g,
      tick: /`/g,
      quote: /^&gt;/gm,
    })) {
      for (const _ of rest.matchAll(pattern)) mark(read, name);
    }
  }
  if (linked) {
    for (const [found] of rest.matchAll(/https?:\/\/\S+|@(?:channel|everyone|here)\b/g))
      read.links.push(found);
  }
  read.shown += unescaped(rest);
  return read;
}

/** How Slack says what went wrong. */
export const SLACK_TROUBLE = {
  tooOften: { status: 429, headers: { "retry-after": "30" }, body: "rate_limited" },
  errorIn200: { status: 200, body: '{"ok":false,"error":"invalid_blocks"}' },
  gone: { status: 404, body: "no_service" },
  archived: { status: 410, body: "channel_is_archived" },
  refused: { status: 400, body: "invalid_blocks" },
  broken: { status: 500, body: "rollup_error" },
} satisfies Record<string, Said>;

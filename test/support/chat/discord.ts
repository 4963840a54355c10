import { type Asked, isJson, type Said, type Verdict } from "./play.ts";
import {
  fields,
  isPost,
  list,
  merged,
  type Read,
  readMarkdown,
  refused,
  taken,
  text,
  TOKEN,
} from "./read.ts";

export const PATH = `/api/webhooks/1122334455/${TOKEN}`;
const MENTION = /@everyone|@here|<(?:@[!&]?|#|\/|id:|a?:|t:)[^>]*>/g;
const read = (source: string) => readMarkdown(source, { mention: MENTION, escapable: true });

/** A webhook of Discord: an answer with the message only where `wait` was asked for. */
export function discordVerdict(asked: Asked, index: number): Verdict<Read> {
  if (asked.path !== PATH) return refused(404, '{"message":"Unknown Webhook","code":10015}');
  if (!isPost(asked)) return refused(405, '{"message":"405: Method Not Allowed","code":0}');
  if (!isJson(asked)) return refused(400, '{"message":"Cannot send an empty message","code":50006}');
  try {
    const body = fields(
      JSON.parse(asked.body),
      ["content", "embeds", "allowed_mentions", "username"],
      "message",
    );
    const content = text(body["content"], 2_000, "content");
    const embeds = list(body["embeds"] ?? [], 10, "embeds").map(readEmbed);
    if (embeds.reduce((sum, { length }) => sum + length, 0) > 6_000) throw new Error("embeds exceed 6000");
    const mentions = fields(
      body["allowed_mentions"] ?? {},
      ["parse", "users", "roles", "replied_user"],
      "mentions",
    );
    const shown = merged([read(content), ...embeds.map((embed) => embed.read)]);
    if (list(mentions["parse"], 3, "allowed_mentions.parse").length > 0) shown.mentions.push("allowed");
    const waits = asked.query.get("wait") === "true";
    const id = String(1_300_000_000_000_000_000n + BigInt(index));
    return taken(
      shown,
      waits ? { status: 200, body: JSON.stringify({ id, type: 0, content }) } : { status: 204, body: "" },
    );
  } catch (error) {
    return refused(400, '{"message":"Invalid Form Body","code":50035}', String(error));
  }
}

function readEmbed(value: unknown): { read: Read; length: number } {
  const embed = fields(value, ["title", "description", "color", "fields", "url", "timestamp"], "embed");
  const { color } = embed;
  if (!Number.isInteger(color) || (color as number) < 0 || (color as number) > 0xff_ff_ff)
    throw new Error("color");
  const description = text(embed["description"], 4_096, "description");
  return { read: read(description), length: description.length };
}

export const DISCORD_TROUBLE = {
  tooOften: {
    status: 429,
    headers: { "retry-after": "65" },
    body: '{"message":"You are being rate limited.","retry_after":64.57,"global":false}',
  },
  /** Of the whole address, by what stands before Discord: no JSON. */
  banned: { status: 429, headers: { "retry-after": "1800" }, body: "error code: 1015" },
  gone: { status: 404, body: '{"message":"Unknown Webhook","code":10015}' },
  refused: { status: 400, body: '{"message":"Invalid Form Body","code":50035}' },
  broken: { status: 502, body: "" },
} satisfies Record<string, Said>;

import { type Asked, isJson, type Said, type Verdict } from "./play.ts";
import { fields, isPost, type Read, readHtml, taken, text, type Object } from "./read.ts";

export const BOT = "123456789:AAF-good_token_of_a_bot_00000000000";
export const CHAT = "-1001234567890";
const TAGS = ["b", "strong", "i", "em", "u", "s", "code", "pre", "a"];
/** What Telegram makes links of by itself. */
const MENTION = /@\w{4,}|(?<![\w/])#\w+|(?<![\w/])\$[A-Z]{3,8}|(?<!\S)\/\w+/g;

const sorry = (code: number, description: string, parameters?: Object): Verdict<Read> => ({
  said: { status: code, body: JSON.stringify({ ok: false, error_code: code, description, parameters }) },
  why: description,
});

/** sendMessage of the Bot API. Unknown fields are passed over by the real one; here they are mistakes. */
export function telegramVerdict(asked: Asked, index: number): Verdict<Read> {
  if (asked.path !== `/bot${BOT}/sendMessage`) return sorry(404, "Not Found");
  if (!isPost(asked) || !isJson(asked)) return sorry(400, "Bad Request: message text is empty");
  try {
    const body = fields(
      JSON.parse(asked.body),
      ["chat_id", "text", "parse_mode", "link_preview_options", "reply_parameters", "disable_notification"],
      "message",
    );
    if (String(body["chat_id"]) !== CHAT) return sorry(400, "Bad Request: chat not found");
    if (body["parse_mode"] !== "HTML") throw new Error("parse_mode");
    const reply = body["reply_parameters"] as { message_id?: unknown } | undefined;
    if (reply && !Number.isSafeInteger(reply.message_id)) throw new Error("reply_parameters");
    const read = readHtml(text(body["text"], Infinity, "text"), { tags: TAGS, mention: MENTION });
    if (read.shown.length > 4_096) return sorry(400, "Bad Request: message is too long");
    const message = { message_id: 1_000 + index, chat: { id: Number(CHAT) }, date: 1, text: read.shown };
    return taken(read, { status: 200, body: JSON.stringify({ ok: true, result: message }) });
  } catch (error) {
    return sorry(400, `Bad Request: can't parse entities: ${String(error)}`);
  }
}

const answer = (code: number, description: string, parameters?: Object): Said => ({
  status: code,
  body: JSON.stringify({ ok: false, error_code: code, description, parameters }),
});
export const TELEGRAM_TROUBLE = {
  tooOften: answer(429, "Too Many Requests: retry after 35", { retry_after: 35 }),
  errorIn200: { status: 200, body: '{"ok":false,"error_code":400,"description":"Bad Request"}' },
  moved: answer(400, "Bad Request: group chat was upgraded to a supergroup chat", {
    migrate_to_chat_id: -1_009_876_543_210,
  }),
  kicked: answer(403, "Forbidden: bot was kicked from the supergroup chat"),
  nowhere: answer(400, "Bad Request: chat not found"),
  token: answer(401, "Unauthorized"),
  refused: answer(400, "Bad Request: can't parse entities"),
  broken: answer(502, "Bad Gateway"),
} satisfies Record<string, Said>;

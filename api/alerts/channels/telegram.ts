import * as z from "zod";
import { MAX_URL } from "../hosts.ts";
import type { Outcome, Provider, Target } from "../provider.ts";
import { type Layout, linesWithin } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { unlinked, WORD_JOINER } from "./inert.ts";
import { byStatus, isObject, later, never, objectIn, waitOf } from "./judged.ts";
import { JSON_HEADERS } from "./target.ts";

/** Counted after marks are read; counted before, it is never more. */
const MAX_TEXT = 4_096;
const API = "https://api.telegram.org";

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (mark) => ESCAPES[mark] ?? mark);

/** A word that begins with a slash would be a command to a bot. */
const withoutCommands = (text: string) => text.replaceAll(/(?<!\S)\/(?=\w)/g, `/${WORD_JOINER}`);

const HTML: Layout = {
  words: (text) => escaped(withoutCommands(unlinked(text))),
  name: (text) => `<code>${escaped(text)}</code>`,
  // Code is never within another mark.
  strong: (text) =>
    `<b>${text.replaceAll("<code>", "</b><code>").replaceAll("</code>", "</code><b>")}</b>`.replaceAll(
      "<b></b>",
      "",
    ),
  bullet: "• ",
  link: ({ label, url }) => `<a href="${escaped(url)}">${escaped(label)}</a>`,
};

const TOKEN = /^\d+:[\w-]{20,}$/;
const PATH = /\/bot(\d+:[\w-]{20,})(\/sendMessage)?\/?$/;

/** The token may stand in the address, as in those of the Bot API, or be the secret; it is kept as the secret. */
const target: z.ZodType<Target> = z
  .object({
    url: z.string().max(MAX_URL).default(API),
    secret: z.string().optional(),
    chatId: z
      .string()
      .regex(/^(-?\d{1,20}|@\w{4,64})$/, "give the number of the chat, such as -1001234567890, or @channel"),
  })
  .transform(({ url, secret, chatId }) => ({
    url: url.replace(PATH, "").replace(/\/$/, ""),
    secret: secret ?? PATH.exec(url)?.[1],
    chatId,
  }))
  .refine(
    ({ url }) => URL.canParse(url),
    "give the address of the Bot API, or none: https://api.telegram.org",
  )
  .refine(
    ({ secret }) => secret !== undefined && TOKEN.test(secret),
    "give the bot's token as secret, as @BotFather shows it",
  );

/** A message to reply to, as kept in `ref`. */
const replyTo = (ref: string | undefined) =>
  ref !== undefined && /^\d{1,15}$/.test(ref)
    ? { reply_parameters: { message_id: Number(ref), allow_sending_without_reply: true } }
    : {};

export const telegram: Provider = {
  kind: "telegram",
  hosts: ["api.telegram.org"],
  target,
  // Of a group; a chat with one person takes more.
  perMinute: 20,
  render(alert, { target, language, now, ref }) {
    const body = {
      chat_id: target.chatId,
      text: linesWithin(messageOf(alert, language, now), HTML, MAX_TEXT),
      parse_mode: "HTML",
      link_preview_options: { is_disabled: true },
      ...replyTo(ref),
    };
    return {
      url: `${target.url}/bot${target.secret ?? ""}/sendMessage`,
      headers: JSON_HEADERS,
      body: JSON.stringify(body),
    };
  },
  judge(answer) {
    const said = objectIn(answer);
    const parameters = isObject(said?.["parameters"]) ? said["parameters"] : {};
    if (answer.status === 200 && said?.["ok"] === true) return sent(said["result"]);
    const moved = parameters["migrate_to_chat_id"];
    if (Number.isSafeInteger(moved)) {
      return {
        ...later("the group became a supergroup with another number"),
        moved: { chatId: String(moved) },
      } as Outcome;
    }
    if (answer.status === 429) {
      const asked = waitOf(parameters["retry_after"]);
      return asked === undefined ? byStatus(answer) : later("too many messages: answered 429", asked);
    }
    // Says "Bad Request: chat not found": the number is wrong, or the bot was never let in.
    if (answer.status === 400 && /chat not found/i.test(String(said?.["description"]))) {
      return never("Telegram knows no such chat: add the bot to it, and give its number as chatId", true);
    }
    return byStatus(answer, speakerOf(said));
  },
};

/** Who said it, where that was no proxy. */
const speakerOf = (said: Readonly<Record<string, unknown>> | undefined): string | undefined =>
  said?.["ok"] === false ? "by-Telegram" : undefined;

const sent = (result: unknown): Outcome => {
  const id = isObject(result) ? result["message_id"] : undefined;
  return { result: "sent", ...(Number.isSafeInteger(id) ? { ref: String(id) } : {}) };
};

import { createHmac } from "node:crypto";
import * as z from "zod";
import type { Answer, Outcome, Provider, Rendering } from "../provider.ts";
import { fitted } from "../text/shape.ts";
import { type Message, messageOf } from "../text/message.ts";
import type { Text } from "../text/text.ts";
import { byCode, codeOf, type Codes } from "./by-code.ts";
import { later, objectIn, waitOf } from "./judged.ts";
import { bytesOf, type Dialect, spelt } from "./cut.ts";

/** Of a whole request, in bytes. */
const MAX_BODY = 20_000;
/** Room in it for timestamp and signature. */
const SIGNED = 200;
/** 100 a minute, less what other senders to the same group may take. */
const PER_MINUTE = 60;

const CODES: Codes = {
  tooOften: [11_232],
  toMend: {
    19_001: "the token in the URL is not known: PATCH the channel",
    19_021: "the signature does not fit: check the secret, and the clock of this service",
    19_022: "the address of this service is not in the bot's list of addresses",
    19_024: "the bot wants a keyword: add Conntrail to its keywords",
  },
  refused: [9_499, 10_003, 19_002, 19_036],
};

/** Everything stands in elements of plain text: nothing is markup there, and nobody is mentioned. */
const PLAIN: Dialect = { words: (text) => text, name: (text) => text };

const COLOURS = { critical: "red", warning: "orange" } as const;

/** Feishu and Lark: cards to a custom bot of a group. */
export const feishu: Provider = {
  kind: "feishu",
  hosts: ["open.feishu.cn", "open.larksuite.com"],
  target: z.object({ url: z.string(), secret: z.string().min(1).optional() }),
  perMinute: PER_MINUTE,
  render: (alert, rendering) => {
    const message = messageOf(alert, rendering.language, rendering.now);
    const body = fitted(
      message,
      (shorter) => JSON.stringify({ msg_type: "interactive", card: cardOf(shorter) }),
      (text) => bytesOf(text) <= MAX_BODY - SIGNED,
    );
    return {
      url: rendering.target.url,
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ ...signature(rendering), ...(JSON.parse(body) as object) }),
    };
  },
  judge,
};

/** The key is what others sign, and nothing is signed with it. */
export const feishuSign = (secret: string, timestamp: number): string =>
  createHmac("sha256", `${timestamp}\n${secret}`).digest("base64");

function signature({ target: { secret }, now }: Rendering): object {
  if (secret === undefined) return {};
  const timestamp = Math.floor(now / 1_000);
  return { timestamp: String(timestamp), sign: feishuSign(secret, timestamp) };
}

function cardOf(message: Message): object {
  const { link, adviceLabel, advice, paragraphs, sections } = message;
  return {
    config: { wide_screen_mode: true },
    header: { template: colourOf(message), title: plainText(message.title) },
    elements: [
      ...paragraphs.map((text) => ({ tag: "div", text: plainText(text) })),
      ...sections.flatMap(({ heading, fields }) => [
        { tag: "hr" },
        { tag: "div", text: plainText(heading) },
        {
          tag: "div",
          fields: fields.map(({ label, value }) => ({
            is_short: true,
            text: plainText([`${label}: `, ...value]),
          })),
        },
      ]),
      ...(advice.length > 0 ? [{ tag: "hr" }, { tag: "div", text: plainText([adviceLabel]) }] : []),
      ...advice.map((text) => ({ tag: "div", text: plainText(["- ", ...text]) })),
      ...(link
        ? [
            {
              tag: "action",
              actions: [{ tag: "button", type: "primary", url: link.url, text: plainText([link.label]) }],
            },
          ]
        : []),
    ],
  };
}

const plainText = (text: Text) => ({ tag: "plain_text", content: spelt(text, PLAIN) });

function colourOf({ state, severity }: Message): string {
  if (state === "resolved" || state === "over") return "green";
  return state === "notice" || state === "test" ? "blue" : COLOURS[severity];
}

/** Answers are of status 200 whatever they say; older ones say it as StatusCode, some as both, which then must both be 0. */
function judge(answer: Answer): Outcome {
  const said = objectIn(answer);
  const codes = [said?.["code"], said?.["StatusCode"]].filter((code) => code !== undefined).map(codeOf);
  const odd = codes.findIndex((code) => code !== 0);
  const outcome = byCode(answer, codes[Math.max(odd, 0)], CODES);
  const isTooMuch =
    answer.status === 429 || codes.some((code) => code !== undefined && CODES.tooOften.includes(code));
  return isTooMuch ? later("too many messages", waitOf(answer.headers["x-ogw-ratelimit-reset"])) : outcome;
}

import { createHmac } from "node:crypto";
import * as z from "zod";
import type { Answer, Outcome, Provider, Target } from "../provider.ts";
import { linesWithin, plainTitle } from "../text/lines.ts";
import type { Layout } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { byCode, codeOf, type Codes } from "./by-code.ts";
import { bytesOf } from "./cut.ts";
import { never, objectIn } from "./judged.ts";

/** Of a whole request, in bytes; half of it is room for what JSON escapes. */
const MAX_TEXT = 10_000;
/** Who sends more than 20 a minute is not listened to for ten. */
const PER_MINUTE = 18;
const BLOCKED_MS = 600_000;

/** Keyword, signature and address of the sender have one code. */
const NOT_LET_IN = 310_000;
const CODES: Codes = {
  tooOften: [130_101, 90_030, 410_100],
  waitMs: BLOCKED_MS,
  toMend: {
    300_001: "the token in the URL is not known: PATCH the channel",
    300_005: "the token in the URL is not known: PATCH the channel",
    400_013: "the group of the robot is gone",
  },
  refused: [40_035, 43_004, 400_101, 400_102, 460_101],
};

/** No tags, no links, and no emphasis but ours. */
const inert = (text: string) =>
  text
    .replaceAll("<", "＜")
    .replaceAll("](", "] (")
    .replaceAll(/[\\*_~]/g, String.raw`\$&`);

/** Markdown of DingTalk, which has no spans of code. */
const MARKDOWN: Layout = {
  words: inert,
  // An address in a name would become a link.
  name: (text) => inert(text.replaceAll("://", "[:]//").replaceAll("@", "＠")),
  code: inert,
  strong: (spelt) => `**${spelt}**`,
  size: bytesOf,
  bullet: "- ",
  link: ({ label, url }) => `[${inert(label)}](${url})`,
};

/** DingTalk: markdown to a custom robot of a group. Nobody is mentioned. */
export const dingtalk: Provider = {
  kind: "dingtalk",
  hosts: ["oapi.dingtalk.com"],
  target: z.object({ url: z.string(), secret: z.string().min(1).optional() }),
  perMinute: PER_MINUTE,
  render: (alert, { target, language, now }) => {
    const message = messageOf(alert, language, now);
    const markdown = { title: plainTitle(message), text: linesWithin(message, MARKDOWN, MAX_TEXT) };
    return {
      url: signedUrl(target, now),
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ msgtype: "markdown", markdown, at: { atMobiles: [], isAtAll: false } }),
    };
  },
  judge,
};

export const dingtalkSign = (secret: string, timestamp: number): string =>
  createHmac("sha256", secret).update(`${timestamp}\n${secret}`).digest("base64");

function signedUrl({ url, secret }: Target, now: number): string {
  if (secret === undefined) return url;
  const signed = new URL(url);
  signed.searchParams.set("timestamp", String(now));
  signed.searchParams.set("sign", dingtalkSign(secret, now));
  return signed.href;
}

/** Answers are of status 200 whatever they say. */
function judge(answer: Answer): Outcome {
  const said = objectIn(answer);
  const code = codeOf(said?.["errcode"]);
  if (code === NOT_LET_IN) return never(`${refusal(said?.["errmsg"])} (${code})`, true);
  return byCode(answer, code, CODES);
}

/** The text tells which of them. */
function refusal(text: unknown): string {
  const said = typeof text === "string" ? text : "";
  if (/keyword|关键词/i.test(said)) return "the robot wants a keyword: add Conntrail to its keywords";
  if (/sign|timestamp|签名/i.test(said))
    return "the signature does not fit: check the secret, and the clock of this service";
  if (/\bip\b|whitelist|白名单/i.test(said))
    return "the address of this service is not in the robot's list of addresses";
  return "the robot refuses: check token, secret, keywords and addresses";
}

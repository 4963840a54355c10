import * as z from "zod";
import type { Provider } from "../provider.ts";
import { linesWithin } from "../text/lines.ts";
import type { Layout } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { byCode, codeOf, type Codes } from "./by-code.ts";
import { bytesOf } from "./cut.ts";
import { objectIn } from "./judged.ts";

/** Of the content of a markdown message, in bytes. */
const MAX_CONTENT = 4_096;
/** It takes 20. */
const PER_MINUTE = 18;
const BLOCKED_MS = 60_000;
const NO_KEY = "the key in the URL is not good: PATCH the channel";
const CODES: Codes = {
  tooOften: [45_009, 45_033],
  waitMs: BLOCKED_MS,
  toMend: { 93_000: NO_KEY, 93_004: "the bot was taken out of the group", 93_008: NO_KEY, 40_001: NO_KEY },
  refused: [40_008, 40_058, 44_004, 45_002],
};

/** `<@user>` mentions, `<font>` colours and links, in spans of code too as far as is known: so there is nothing of the kind. */
const inert = (text: string) => text.replaceAll("<", "＜").replaceAll(">", "＞").replaceAll("](", "] (");

/** Markdown of WeCom. */
const MARKDOWN: Layout = {
  words: inert,
  name: (text) => `\`${inert(text)}\``,
  strong: (spelt) => `**${spelt}**`,
  size: bytesOf,
  bullet: "- ",
  link: ({ label, url }) => `[${inert(label)}](${url})`,
};

/** WeCom: markdown to a bot of a group. */
export const wecom: Provider = {
  kind: "wecom",
  hosts: ["qyapi.weixin.qq.com"],
  target: z.object({ url: z.string() }),
  perMinute: PER_MINUTE,
  render: (alert, { target, language, now }) => {
    const content = linesWithin(messageOf(alert, language, now), MARKDOWN, MAX_CONTENT);
    return {
      url: target.url,
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ msgtype: "markdown", markdown: { content } }),
    };
  },
  judge: (answer) => byCode(answer, codeOf(objectIn(answer)?.["errcode"]), CODES),
};

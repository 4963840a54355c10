import * as z from "zod";
import type { Provider } from "../provider.ts";
import { type Layout, lines } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { fitted } from "../text/shape.ts";
import { colorOf } from "./color.ts";
import { spelt } from "./cut.ts";
import { byStatus, later, objectIn, retryAfter, waitOf } from "./judged.ts";
import { JSON_HEADERS, webhookUrl } from "./target.ts";

const MAX_CONTENT = 2_000;
const MAX_DESCRIPTION = 4_096;

/** Ids of messages: whole numbers of 64 bits. */
const SNOWFLAKE = /^\d{1,20}$/;

/** Only what would be obeyed: notifications of phones show backslashes. */
const OBEYED = /[\\*_~|<@`]|^[#>-]|\](?=\()|:(?=\/\/|\w+:)|\/(?=\/)/gm;
const escaped = (text: string) => text.replaceAll(OBEYED, String.raw`\$&`);

const MARKDOWN: Layout = {
  words: escaped,
  name: (text) => `\`${text}\``,
  strong: (text) => `**${text}**`,
  bullet: "- ",
  lineEnd: "\n",
  // A closing bracket would end the address.
  link: ({ label, url }) => `[${escaped(label)}](${url.replaceAll("(", "%28").replaceAll(")", "%29")})`,
};

export const discord: Provider = {
  kind: "discord",
  hosts: ["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"],
  target: z.object({
    url: webhookUrl(
      ({ pathname }) => /^\/api(\/v\d+)?\/webhooks\/\d+\/[\w-]+$/.test(pathname),
      "https://discord.com/api/webhooks/ID/TOKEN",
    ),
  }),
  // Per channel; five in two seconds are taken, too.
  perMinute: 30,
  render(alert, { target, language, now }) {
    const message = messageOf(alert, language, now);
    const url = new URL(target.url);
    // Without it Discord answers before it knows whether it takes the message.
    url.searchParams.set("wait", "true");
    const body = {
      content: spelt(message.title, MARKDOWN, MAX_CONTENT),
      embeds: [
        {
          color: colorOf(message),
          description: fitted(
            message,
            (shorter) => lines(shorter, MARKDOWN, { title: false }),
            (text) => text.length <= MAX_DESCRIPTION,
          ),
        },
      ].filter(({ description }) => description !== ""),
      allowed_mentions: { parse: [] },
    };
    return { url: url.href, headers: JSON_HEADERS, body: JSON.stringify(body) };
  },
  judge(answer) {
    const said = objectIn(answer);
    const id = said?.["id"];
    if (answer.status === 200 && typeof id === "string" && SNOWFLAKE.test(id))
      return { result: "sent", ref: id };
    if (answer.status === 204) return { result: "sent" };
    if (answer.status === 429) {
      // The body has fractions of a second where the header rounds; blocks of the whole address have the header only.
      return later("too many messages: answered 429", waitOf(said?.["retry_after"]) ?? retryAfter(answer));
    }
    const code = said?.["code"];
    return byStatus(answer, typeof code === "number" ? `code-${code}` : undefined);
  },
};

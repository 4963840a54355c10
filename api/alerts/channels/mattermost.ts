import * as z from "zod";
import type { Provider } from "../provider.ts";
import { type Layout, lines, plainTitle } from "../text/lines.ts";
import { messageOf } from "../text/message.ts";
import { fitted } from "../text/shape.ts";
import { hexColorOf } from "./color.ts";
import { runesOf, spelt } from "./cut.ts";
import { unlinked } from "./inert.ts";
import { byStatus, objectIn } from "./judged.ts";
import { JSON_HEADERS, webhookUrl } from "./target.ts";

/** Runes of a post. */
const MAX_POST = 16_383;

/** Only what would be obeyed: notifications of phones show backslashes. They keep markup off, but not mentions. */
const OBEYED = /[\\*_~|<`]|^[#>-]|\](?=\()|:(?=\w+:)/gm;
const escaped = (text: string) => unlinked(text.replaceAll(OBEYED, String.raw`\$&`));

const MARKDOWN: Layout = {
  words: escaped,
  name: (text) => `\`${text}\``,
  strong: (text) => `**${text}**`,
  size: runesOf,
  bullet: "- ",
  link: ({ label, url }) => `[${escaped(label)}](${url.replaceAll("(", "%28").replaceAll(")", "%29")})`,
};

/** Servers of one's own: their hosts are listed by the operator. */
export const mattermost: Provider = {
  kind: "mattermost",
  hosts: [],
  target: z.object({
    url: webhookUrl(
      ({ pathname }) => /\/hooks\/[a-z0-9]+$/.test(pathname),
      "https://mattermost.example.com/hooks/…",
    ),
  }),
  perMinute: 60,
  render(alert, { target, language, now }) {
    const body = fitted(
      messageOf(alert, language, now),
      (message) => ({
        text: `**${spelt(message.title, MARKDOWN, MAX_POST / 8)}**`,
        username: "Conntrail",
        attachments: [
          {
            fallback: unlinked(plainTitle(message)),
            color: hexColorOf(message),
            text: lines(message, MARKDOWN, { title: false }),
          },
        ],
      }),
      ({ text, attachments }) => runesOf(text + attachments.map((one) => one.text).join("")) <= MAX_POST,
    );
    return { url: target.url, headers: JSON_HEADERS, body: JSON.stringify(body) };
  },
  judge(answer) {
    if (answer.status === 200 && answer.body.trim() === "ok") return { result: "sent" };
    // As {"id": "web.incoming_webhook.invalid.app_error", "message": …}; a hook that is gone is such a 400.
    const code = objectIn(answer)?.["id"];
    const isGone =
      typeof code === "string" &&
      /^web\.incoming_webhook\.(invalid|disabled|channel|channel_locked|permissions)\.app_error$/.test(code);
    return byStatus(isGone ? { ...answer, status: 404 } : answer, code);
  },
};

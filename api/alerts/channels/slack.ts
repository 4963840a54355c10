import * as z from "zod";
import type { Provider } from "../provider.ts";
import { type Message, messageOf, type Section } from "../text/message.ts";
import { plainTitle } from "../text/lines.ts";
import { fitted } from "../text/shape.ts";
import { type Dialect, spelt } from "./cut.ts";
import { byStatus, never, objectIn } from "./judged.ts";
import { JSON_HEADERS, webhookUrl } from "./target.ts";

const MAX_HEADER = 150;
const MAX_SECTION = 3_000;
const MAX_FIELD = 2_000;
const MAX_FIELDS = 10;
/** Slack refuses messages of about 13,000 characters as a whole. */
const MAX_MESSAGE = 12_000;

/** Nothing but these three is obeyed where `verbatim` is set. */
const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escaped = (text: string) => text.replaceAll(/[&<>]/g, (mark) => ESCAPES[mark] ?? mark);

const MRKDWN: Dialect = {
  words: escaped,
  name: (text) => `\`${escaped(text)}\``,
  strong: (text) => `*${text}*`,
};

/** Plain text has no escapes, and should have nothing to escape. */
const LOOKALIKES: Readonly<Record<string, string>> = { "&": "＆", "<": "‹", ">": "›" };
const defused = (text: string) => text.replaceAll(/[&<>]/g, (mark) => LOOKALIKES[mark] ?? mark);

const mrkdwn = (text: string) => ({ type: "mrkdwn", text, verbatim: true });
const section = (text: string) => ({ type: "section", text: mrkdwn(text) });

function blocksOf(message: Message): unknown[] {
  const { paragraphs, sections, advice, adviceLabel, link } = message;
  const advised = advice.map((text) => `• ${spelt(text, MRKDWN, MAX_SECTION / 8)}`);
  return [
    {
      type: "header",
      text: { type: "plain_text", text: defused(plainTitle(message, MAX_HEADER)), emoji: false },
    },
    ...paragraphs.map((text) => section(spelt(text, MRKDWN, MAX_SECTION))),
    ...sections.map(sectionOf),
    ...(advice.length > 0 ? [section([`*${escaped(adviceLabel)}*`, ...advised].join("\n"))] : []),
    ...(link ? [section(`<${linkable(link.url)}|${escaped(link.label)}>`)] : []),
  ];
}

const sectionOf = ({ heading, fields }: Section) => ({
  ...section(`*${spelt(heading, MRKDWN, MAX_SECTION - 2)}*`),
  ...(fields.length === 0
    ? {}
    : {
        fields: fields
          .slice(0, MAX_FIELDS)
          .map(({ label, value }) =>
            mrkdwn(`*${escaped(label)}*\n${spelt(value, MRKDWN, MAX_FIELD - label.length - 8)}`),
          ),
      }),
});

/** The bar ends the address of a link. */
const linkable = (url: string) => escaped(url).replaceAll("|", "%7C");

/** Words of Slack for hooks that work no more until somebody mends them. */
const GONE =
  /^(no_service|no_service_id|no_team|team_disabled|no_active_hooks|invalid_token|channel_not_found|channel_is_archived|action_prohibited|user_not_found|posting_to_general_channel_denied)$/;

/** Incoming webhooks: they answer nothing that a later message could refer to. */
export const slack: Provider = {
  kind: "slack",
  hosts: ["hooks.slack.com", "hooks.slack-gov.com"],
  target: z.object({
    url: webhookUrl(
      ({ pathname }) => /^\/services\/[^/]+\/[^/]+\/[^/]+$/.test(pathname),
      "https://hooks.slack.com/services/T…/B…/…",
    ),
  }),
  perMinute: 60,
  render(alert, { target, language, now }) {
    const body = fitted(
      messageOf(alert, language, now),
      (message) =>
        JSON.stringify({
          text: escaped(plainTitle(message)),
          blocks: blocksOf(message),
          mrkdwn: false,
          link_names: false,
          unfurl_links: false,
          unfurl_media: false,
        }),
      (body) => body.length <= MAX_MESSAGE,
    );
    return { url: target.url, headers: JSON_HEADERS, body };
  },
  judge(answer) {
    const word = answer.body.trim();
    if (answer.status === 200 && word === "ok") return { result: "sent" };
    const said = objectIn(answer);
    const code = said ? said["error"] : word;
    if (typeof code === "string" && GONE.test(code)) {
      return never(
        `Slack takes nothing through this webhook (${code}): make a new one and PATCH the channel`,
        true,
      );
    }
    return byStatus(answer, code);
  },
};

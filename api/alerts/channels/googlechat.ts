import * as z from "zod";
import type { Alert } from "../alert.ts";
import type { Provider } from "../provider.ts";
import { plainTitle } from "../text/lines.ts";
import { type Message, messageOf } from "../text/message.ts";
import { fitted } from "../text/shape.ts";
import { bytesOf, type Dialect, spelt } from "./cut.ts";
import { unlinked } from "./inert.ts";
import { byStatus, isObject, never, objectIn } from "./judged.ts";
import { JSON_HEADERS, webhookUrl } from "./target.ts";

/** Of a message, text and cards together. */
const MAX_BYTES = 32_000;

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string) => unlinked(text).replaceAll(/[&<>"]/g, (mark) => ESCAPES[mark] ?? mark);

/** Texts of cards are a little HTML, without code. */
const HTML: Dialect = { words: escaped, name: escaped, strong: (text) => `<b>${text}</b>` };

/** Plain text has mentions and links in angle brackets, and no escape for them. */
const defused = (text: string) => unlinked(text.replaceAll("<", "‹").replaceAll(">", "›"));

const paragraph = (text: string) => ({ textParagraph: { text } });

function cardOf({ title, paragraphs, sections, advice, adviceLabel, link }: Message): unknown {
  const advised = advice.map((text) => `• ${spelt(text, HTML)}`);
  return {
    sections: [
      {
        widgets: [[title], ...paragraphs.map((text) => [text])].map(([text], at) =>
          paragraph(at === 0 ? `<b>${spelt(text ?? [], HTML)}</b>` : spelt(text ?? [], HTML)),
        ),
      },
      ...sections.map(({ heading, fields }) => ({
        header: spelt(heading, HTML),
        widgets: fields.map(({ label, value }) => ({
          decoratedText: { topLabel: label, text: spelt(value, HTML), wrapText: true },
        })),
      })),
      ...(advice.length > 0
        ? [{ header: escaped(adviceLabel), widgets: [paragraph(advised.join("<br>"))] }]
        : []),
      ...(link
        ? [
            {
              widgets: [
                { buttonList: { buttons: [{ text: link.label, onClick: { openLink: { url: link.url } } }] } },
              ],
            },
          ]
        : []),
    ],
  };
}

/** One thread an incident; names of clusters may be anything, keys may not be long. */
const threadOf = ({ cluster, rule, episode }: Alert) => `conntrail-${rule}-${episode}-${hash(cluster)}`;

/** FNV-1a: tells clusters apart within a space, no more. */
function hash(text: string): string {
  let value = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01_00_01_93);
  return (value >>> 0).toString(36);
}

export const googlechat: Provider = {
  kind: "googlechat",
  hosts: ["chat.googleapis.com"],
  target: z.object({
    url: webhookUrl(
      ({ pathname, searchParams }) =>
        /^\/v1\/spaces\/[\w-]+\/messages$/.test(pathname) &&
        searchParams.has("key") &&
        searchParams.has("token"),
      "https://chat.googleapis.com/v1/spaces/…/messages?key=…&token=…",
    ),
  }),
  // A space takes one message a second of all its webhooks together.
  perMinute: 60,
  render(alert, { target, language, now, deliveryId }) {
    const url = new URL(target.url);
    url.searchParams.set("requestId", deliveryId);
    url.searchParams.set("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD");
    const body = fitted(
      messageOf(alert, language, now),
      (message) =>
        JSON.stringify({
          fallbackText: defused(plainTitle(message)),
          cardsV2: [{ cardId: "alert", card: cardOf(message) }],
          thread: { threadKey: threadOf(alert) },
        }),
      (body) => bytesOf(body) <= MAX_BYTES,
    );
    return { url: url.href, headers: JSON_HEADERS, body };
  },
  judge(answer) {
    const said = objectIn(answer);
    const name = said?.["name"];
    if (answer.status === 200 && typeof name === "string" && name.startsWith("spaces/")) {
      return { result: "sent", ref: name };
    }
    const error = isObject(said?.["error"]) ? said["error"] : {};
    // A token that is wrong is an invalid argument, too, and says so in words only.
    if (answer.status === 400 && /token|webhook/i.test(String(error["message"]))) {
      return never("Google Chat does not know this webhook: make a new one and PATCH the channel", true);
    }
    return byStatus(answer, error["status"]);
  },
};

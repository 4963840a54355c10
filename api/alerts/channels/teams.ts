import * as z from "zod";
import type { Provider } from "../provider.ts";
import type { Message } from "../text/message.ts";
import { messageOf } from "../text/message.ts";
import { fitted } from "../text/shape.ts";
import { compact, type Part, type Text } from "../text/text.ts";
import { bytesOf } from "./cut.ts";
import { clean, cleanWords, unlinked } from "./inert.ts";
import { byStatus, later, never, objectIn, isObject } from "./judged.ts";
import { JSON_HEADERS, webhookUrl } from "./target.ts";

/** Teams says 28 kB; 21 kB were seen to be refused. */
const MAX_BYTES = 20_000;
/** Of words that are not bounded themselves, in UTF-16 units. */
const MAX_RUN = 1_500;

type Run = {
  type: "TextRun";
  text: string;
  weight?: "Bolder";
  fontType?: "Monospace";
  size?: "Medium";
  color?: string;
};
type Look = Partial<Omit<Run, "type" | "text">>;

/** Text runs know no markdown, no mention and no link; but dates in braces are written out in any text of a card. */
const inert = (text: string) => text.replaceAll("{{", "{\u2060{");

const runOf = (part: Part, look: Look): Run => {
  if (typeof part === "string") {
    return { type: "TextRun", text: inert(unlinked(cleanWords(part).slice(0, MAX_RUN))), ...look };
  }
  const text = "name" in part ? clean(part.name) : clean(part.code, Infinity);
  return { type: "TextRun", text: inert(text), fontType: "Monospace", ...look };
};
const runs = (text: Text, look: Look = {}): Run[] => compact(text).map((part) => runOf(part, look));
const block = (inlines: Run[], spacing?: "Small" | "None") => ({
  type: "RichTextBlock",
  inlines,
  ...(spacing ? { spacing } : {}),
});

const TITLE_COLORS: Readonly<Record<Message["state"], string | undefined>> = {
  firing: undefined,
  again: undefined,
  partly: undefined,
  resolved: "Good",
  over: "Good",
  notice: "Accent",
  test: "Accent",
};

function cardOf(message: Message): unknown {
  const { title, state, severity, paragraphs, sections, advice, adviceLabel, colon, link } = message;
  const color = TITLE_COLORS[state] ?? (severity === "critical" ? "Attention" : "Warning");
  const bold: Look = { weight: "Bolder" };
  return {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    msteams: { width: "full" },
    body: [
      block(runs(title, { weight: "Bolder", size: "Medium", color })),
      ...paragraphs.map((text) => block(runs(text))),
      ...sections.flatMap(({ heading, fields }) => [
        block(runs(heading, bold)),
        ...fields.map(({ label, value }) =>
          block([...runs([`${label}${colon}`], bold), ...runs(value)], "Small"),
        ),
      ]),
      ...(advice.length > 0 ? [block(runs([adviceLabel], bold))] : []),
      ...advice.map((text) => block([...runs(["• "]), ...runs(text)], "Small")),
    ],
    ...(link ? { actions: [{ type: "Action.OpenUrl", title: link.label, url: link.url }] } : {}),
  };
}

/** Workflows of Power Automate that begin with "When a Teams webhook request is received". The older connectors are gone. */
export const teams: Provider = {
  kind: "teams",
  hosts: [".logic.azure.com", ".api.powerplatform.com", ".logic.azure.us", ".api.powerplatform.us"],
  target: z.object({
    url: webhookUrl(
      ({ pathname, searchParams }) =>
        /\/workflows\/[^/]+\/triggers\//.test(pathname) && searchParams.has("sig"),
      "https://….api.powerplatform.com/…/workflows/…/triggers/manual/paths/invoke?…&sig=…",
    ),
  }),
  perMinute: 60,
  render(alert, { target, language, now }) {
    const body = fitted(
      messageOf(alert, language, now),
      (message) =>
        JSON.stringify({
          type: "message",
          attachments: [
            {
              contentType: "application/vnd.microsoft.card.adaptive",
              contentUrl: null,
              content: cardOf(message),
            },
          ],
        }),
      (body) => bytesOf(body) <= MAX_BYTES,
    );
    return { url: target.url, headers: JSON_HEADERS, body };
  },
  judge(answer) {
    if (answer.status === 202) return { result: "sent" };
    const word = answer.body.trim();
    if (answer.status === 200 && (answer.body === "" || word === "1")) return { result: "sent" };
    // Connectors answered 200 with the error in words, and some workflows still do.
    const failed = answer.status === 200 && /HTTP error (\d{3})/.exec(word);
    if (failed) return byStatus({ ...answer, status: Number(failed[1]) });
    if (answer.status === 200) {
      return later(
        "answered 200 with a text: let the workflow answer nothing, so that a failure can be told from success",
      );
    }
    const said = objectIn(answer)?.["error"];
    const code = isObject(said) ? said["code"] : undefined;
    if (
      typeof code === "string" &&
      /^Workflow(TriggerIsNotEnabled|NotFound|Disabled|Suspended)$/.test(code)
    ) {
      return never(`the workflow does not run (${code}): turn it on, or PATCH the channel`, true);
    }
    return byStatus(answer, code);
  },
};

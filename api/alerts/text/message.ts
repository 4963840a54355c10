import type { Severity } from "../../detect/rule.ts";
import { type Alert, type Language, PREFIX } from "../alert.ts";
import { say, type Text } from "./text.ts";

/** again: it goes on; over: opened and resolved before anybody was told of it. */
export type MessageState = "firing" | "again" | "resolved" | "over" | "notice" | "test";

export type Field = { label: string; value: Text };

/** What is said of one anomaly: where, then what. */
export type Section = { heading: Text; fields: readonly Field[] };

/**
 * A message in words, of no dialect yet. Providers spell its texts (`spelt` of channels/cut.ts) and take the fullest form that fits
 * (`fitted`). Only parts `{name}` hold names of others, but for notices, whose words may.
 */
export type Message = {
  state: MessageState;
  severity: Severity;
  language: Language;
  /** Begins with PREFIX. */
  title: Text;
  /** What it means, the most important first. */
  paragraphs: readonly Text[];
  sections: readonly Section[];
  /** What to look at or do: a line each. */
  advice: readonly Text[];
  /** Heading of the advice. */
  adviceLabel: string;
  link?: { label: string; url: string } | undefined;
};

/** A first, short form. */
export function messageOf(alert: Alert, language: Language, now: number): Message {
  const state: MessageState = alert.kind === "firing" ? (alert.repeat ? "again" : "firing") : alert.kind;
  const title = alert.text
    ? say`${PREFIX} ${alert.text.title}`
    : say`${PREFIX} ${alert.rule} (${{ name: alert.cluster }})`;
  return {
    state,
    severity: alert.severity,
    language,
    title,
    paragraphs: alert.text ? alert.text.body.split("\n").map((line) => [line]) : [],
    sections: alert.anomalies.map(({ subject, finding, openedAt }) => ({
      heading: [{ name: subject.node ?? subject.key }],
      fields: [
        { label: "value", value: say`${finding.value}` },
        { label: "since", value: say`${Math.round((now - openedAt) / 60_000)} min` },
      ],
    })),
    advice: [],
    adviceLabel: "What to do",
    link: alert.url === undefined ? undefined : { label: "Open", url: alert.url },
  };
}

import type { Severity } from "../../detect/rule.ts";
import { type Alert, type AlertedAnomaly, type Language, MAX_SHOWN, PREFIX } from "../alert.ts";
import { cut } from "../channels/cut.ts";
import { cleanWords } from "../channels/inert.ts";
import { askAbout } from "./ask.ts";
import { EN } from "./en.ts";
import { caseOf, sectionOf, whereOf } from "./section.ts";
import { say, type Text } from "./text.ts";
import { grouped } from "./units.ts";
import type { RuleWords, Words } from "./words.ts";
import { ZH } from "./zh.ts";

/** again: it goes on; partly: some of it resolved, the rest goes on; over: all of it opened and resolved before anybody was told. */
export type MessageState = "firing" | "again" | "partly" | "resolved" | "over" | "notice" | "test";

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
  /** After labels. */
  colon: string;
  link?: { label: string; url: string } | undefined;
};

const LANGUAGES: Readonly<Record<Language, Words>> = { en: EN, zh: ZH };
/** Of words of the service about itself. */
const MAX_PARAGRAPHS = 6;
const MAX_PARAGRAPH = 600;

/** What an alert says to people, at `now` (epoch ms). Of a rule or cause nobody wrote words for, too. */
export function messageOf(alert: Alert, language: Language, now: number): Message {
  const words = LANGUAGES[language];
  const common = {
    severity: alert.severity,
    language,
    adviceLabel: words.labels.advice,
    colon: words.colon,
    link: alert.url === undefined ? undefined : { label: words.labels.link, url: alert.url },
  };
  return { ...common, ...(alert.text ? written(alert, alert.text) : told(alert, words, now)) };
}

type Content = Pick<Message, "state" | "title" | "paragraphs" | "sections" | "advice"> & {
  adviceLabel?: string;
};

/** Words of the service about itself, or of a trial. */
function written({ kind }: Alert, { title, body }: { title: string; body: string }): Content {
  const paragraphs = body
    .split("\n")
    .map((line) => cleanWords(line).trim())
    .filter((line) => line !== "")
    .slice(0, MAX_PARAGRAPHS);
  return {
    state: kind === "test" ? "test" : "notice",
    title: [`${PREFIX} ${cut(title, MAX_PARAGRAPH)}`],
    paragraphs: paragraphs.map((line) => [cut(line, MAX_PARAGRAPH)]),
    sections: [],
    advice: [],
  };
}

function told(alert: Alert, words: Words, now: number): Content {
  const rule = Object.hasOwn(words.rules, alert.rule) ? words.rules[alert.rule] : undefined;
  const about = rule ?? words.unknownRule(alert.rule);
  const state = stateOf(alert);
  const [first] = alert.anomalies;
  const shown = alert.anomalies.slice(0, MAX_SHOWN);
  const meanings = new Set(shown.map(({ finding }) => caseOf(about, finding).meaning));
  const firstCase = first ? caseOf(about, first.finding) : about;
  return {
    state,
    title: titleOf(alert, { words, about, state }),
    paragraphs: [
      ...(isOn(state) && meanings.size <= 1 ? [[firstCase.meaning]] : []),
      ...joinedCounts(alert, { words, state }),
    ],
    sections: shown.map((anomaly) => {
      const cause = meanings.size > 1 ? caseOf(about, anomaly.finding).meaning : undefined;
      return sectionOf(anomaly, words, {
        cluster: alert.cluster,
        now,
        cause: anomaly.state === "open" ? cause : undefined,
        again: state === "again",
      });
    }),
    advice: [
      ...(isOn(state) || state === "over" ? firstCase.advice(askAbout(alert, first)) : []),
      ...(isOn(state) ? taking(alert, words) : []),
    ],
    adviceLabel: isOfFirst(alert) ? words.labels.adviceOfFirst : words.labels.advice,
  };
}

/** How to take it, where somebody has to. */
function taking({ anomalies, counts }: Alert, words: Words): Text[] {
  const free = anomalies.filter(
    ({ state, acknowledgedBy }) => state === "open" && acknowledgedBy === undefined,
  );
  if (free.length === 0) return [];
  return [words.take(counts.open > 1 || free.length > 1 ? undefined : free[0]?.id)];
}

/** Whether commands name the node of the first, and there are others. */
const isOfFirst = ({ fleet, anomalies }: Alert): boolean =>
  !fleet && new Set(anomalies.map(({ subject }) => subject.node)).size > 1;

function stateOf({ kind, repeat, counts: { opened, resolved, open } }: Alert): MessageState {
  if (kind === "resolved") return opened > 0 && opened >= resolved && open === 0 ? "over" : "resolved";
  if (kind !== "firing") return kind;
  if (repeat) return "again";
  return opened === 0 && resolved > 0 ? "partly" : "firing";
}

type About = { words: Words; about: RuleWords; state: MessageState };

function titleOf(alert: Alert, { words, about, state }: About): Text {
  const { fleet, anomalies, counts, cluster, severity } = alert;
  const [first] = anomalies;
  const what = (first && titleOfCase(about, first)) ?? about.title;
  const number = state === "again" ? counts.open : Math.max(counts.opened, isOn(state) ? 0 : counts.resolved);
  const where = (): Text => {
    if (fleet) return [words.title.fleet(grouped(fleet.affected), grouped(fleet.nodes))];
    const one = first ? whereOf(first.subject, words, { brief: true }) : [];
    return number > 1 && one.length > 0 ? words.title.andMore(one, number - 1) : one;
  };
  const named = words.title.of(words.state(state, severity, newsOf(alert)), what, where(), { name: cluster });
  return say`${PREFIX} ${named}`;
}

const titleOfCase = (about: RuleWords, { finding }: AlertedAnomaly): string | undefined => {
  const found: { title?: string } = caseOf(about, finding);
  return found.title;
};

/** What is new, where it is not that something opened or is well. */
function newsOf({ anomalies }: Alert): "worsened" | "flapping" | "stale" | "ended" | undefined {
  if (anomalies.length > 0 && anomalies.every(isEnded)) return "ended";
  const transition = anomalies[0]?.transition;
  return transition === "worsened" || transition === "flapping" || transition === "stale"
    ? transition
    : undefined;
}

/** Nothing says that it is well. */
const isEnded = ({ state, ended }: AlertedAnomaly): boolean => state === "resolved" && ended !== undefined;

/** Whether something is wrong that is news. */
const isOn = (state: MessageState): boolean => state === "firing" || state === "again";

/** What is told of more than one. */
function countsOf({ fleet, counts, anomalies }: Alert, { words, state }: Omit<About, "about">): string[] {
  const all = isOn(state) ? counts.open : Math.max(counts.resolved, counts.opened);
  const shown = Math.min(anomalies.length, MAX_SHOWN);
  return [
    ...(fleet ? [words.counts.fleet(grouped(fleet.affected), grouped(fleet.nodes))] : []),
    ...(isOn(state)
      ? [
          ...(state === "again" ? [words.counts.again] : []),
          ...goingOn(fleet ? { ...counts, open: 0 } : counts, words),
        ]
      : ended(counts, { words, state, known: !anomalies.some(isEnded) })),
    ...(shown > 0 && all > shown ? [words.counts.shown(grouped(shown), grouped(all))] : []),
  ];
}

const joinedCounts = (alert: Alert, about: Omit<About, "about">): Text[] => {
  const counts = countsOf(alert, about);
  return counts.length === 0 ? [] : [[counts.join(about.words.sentence)]];
};

const goingOn = ({ open, resolved }: Alert["counts"], { counts }: Words): string[] => [
  ...(open > 1 ? [counts.open(grouped(open))] : []),
  ...(resolved > 0 ? [counts.resolved(grouped(resolved))] : []),
];

/** `known`: something says of each that it is well. */
function ended(
  { open }: Alert["counts"],
  { words: { counts }, state, known }: Omit<About, "about"> & { known: boolean },
): string[] {
  if (open > 0) return [counts.open(grouped(open))];
  if (!known) return [counts.ended];
  return [state === "over" ? counts.over : counts.allClear];
}

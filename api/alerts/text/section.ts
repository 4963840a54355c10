import { ruleNamed } from "../../detect/index.ts";
import type { Contributor, Measured, Subject } from "../../detect/rule.ts";
import type { AlertedAnomaly } from "../alert.ts";
import type { Party } from "../../../db/look.ts";
import type { Field, Section } from "./message.ts";
import { destinationOf, factsOf } from "./facts.ts";
import { joined, type Part, say, type Text } from "./text.ts";
import { counted, endpoint, hundredths, instant, lasting, protocolName } from "./units.ts";
import { valued } from "./valued.ts";
import type { RuleWords, Unit, Words } from "./words.ts";

const name = (text: string): Part => ({ name: text });

/** What a value of the rule counts; floods are of entries or of openings. */
function unitOf(rule: string, { cause }: Measured): Unit {
  if (cause === "openings") return "openings";
  return ruleNamed(rule)?.unit ?? "count";
}

/** Who: its kind, its name with the namespace, and its workload. */
export function partyText(
  { kind, name: own, namespace, workload, workloadKind, address }: Party,
  words: Words,
): Text {
  const shown = own === "" ? address : own;
  const workloadText: Text =
    workload === undefined || workload === own
      ? []
      : say`${workloadKind === undefined ? "" : name(workloadKind)} ${name(workload)}`;
  return words.where.party(
    kind,
    name(namespace === undefined ? shown : `${namespace}/${shown}`),
    workloadText,
  );
}

/** Where it is wrong, without the cluster; in brief without the workload, which the name of a Pod mostly tells. */
export function whereOf(
  { kind, key, node, party, ...subject }: Subject,
  words: Words,
  { brief = false }: { brief?: boolean } = {},
): Text {
  const { where } = words;
  const on = (what: Text): Text => (node === undefined ? what : where.on(what, name(node)));
  const { natAddress, peer, peerPort, protocol, setting } = subject;
  if (party) return on(partyText(brief ? { ...party, workload: undefined } : party, words));
  if (peer !== undefined) {
    const nat = natAddress === undefined ? undefined : name(natAddress);
    return on(
      where.towards(
        nat,
        name(endpoint(peer, peerPort)),
        protocol === undefined ? "" : protocolName(protocol),
      ),
    );
  }
  if (setting !== undefined) return on([{ code: setting }]);
  if (node !== undefined) return where.node(name(node));
  return kind === "cluster" ? [] : [name(key)];
}

/** What a message says of it: why, where others are cases of something else; `again`: it was told before. */
type About = { cluster: string; now: number; cause?: string | undefined; again?: boolean };

/** All that is said of one anomaly. */
export function sectionOf(
  anomaly: AlertedAnomaly,
  words: Words,
  { cluster, now, cause, again = false }: About,
): Section {
  const { labels } = words;
  const { finding, rule } = anomaly;
  const fields: (Field | undefined)[] = [
    ...howBad(anomaly, words, now),
    anomaly.transition === "unmuted" && anomaly.state === "open" && !again
      ? { label: labels.whyNow, value: [words.unmuted] }
      : undefined,
    endOf(anomaly, words),
    cause === undefined ? undefined : { label: labels.cause, value: [cause] },
    contributed(anomaly, unitOf(rule, finding), words),
    namesPeer(finding) ? undefined : destinationOf(finding, words),
    ...factsOf(withoutBegin(finding, beginOf(anomaly)), rule, words),
    acknowledgement(anomaly, words),
  ];
  const where = whereOf(anomaly.subject, words);
  return {
    heading: [
      ...(where.length === 0 ? words.where.cluster(name(cluster)) : where),
      words.where.anomaly(anomaly.id),
    ],
    fields: fields.filter((field) => field !== undefined),
  };
}

/** How bad it is or was, and for how long. */
function howBad(anomaly: AlertedAnomaly, words: Words, now: number): (Field | undefined)[] {
  const { finding, rule, state } = anomaly;
  const { labels } = words;
  const over = state === "resolved";
  const counts = COUNTS[rule];
  // It grows by the clock.
  const value = counts === "silence" ? Math.max(finding.value, now - beginOf(anomaly)) : finding.value;
  return [
    over || counts === "agreeing"
      ? undefined
      : { label: labels.value, value: valueText({ ...finding, value }, rule, words) },
    counts === undefined ? worst(anomaly, unitOf(rule, finding), words) : undefined,
    { label: over ? labels.lasted : labels.since, value: [whenOf(anomaly, words, now)] },
  ];
}

/** How bad, against what is allowed and what is usual. */
function valueText(finding: Measured, rule: string, words: Words): Text {
  const unit = unitOf(rule, finding);
  const { value, limit, baseline } = finding;
  const { used, max, available } = finding.facts ?? {};
  const whole = available ?? max;
  const ofWhole =
    unit === "ratio" && typeof used === "number" && typeof whole === "number"
      ? [words.value.of(counted(used), counted(whole))]
      : [];
  return [
    [
      [valued(value, unit, words), ...ofWhole.map((text) => ` (${text})`)].join(""),
      ...(limit === undefined ? [] : [limitText(limit, rule, { unit, words })]),
      ...(baseline === undefined ? [] : [words.value.usual(valued(baseline, unit, words))]),
    ].join(words.semicolon),
  ];
}

const limitText = (limit: number, rule: string, { unit, words }: { unit: Unit; words: Words }): string =>
  words.value.limit(valued(limit, unit, words), ruleNamed(rule)?.lowerIsWorse === true);

/** The worst value, where it is another than that which is shown. */
function worst({ peak, state, finding, rule }: AlertedAnomaly, unit: Unit, words: Words): Field | undefined {
  if (peak === undefined || (state === "open" && peak === finding.value)) return undefined;
  const limit =
    finding.limit === undefined || ruleNamed(rule) === undefined
      ? []
      : [limitText(finding.limit, rule, { unit, words })];
  return { label: words.labels.worst, value: [[valued(peak, unit, words), ...limit].join(words.semicolon)] };
}

/** Why it is told no more, where it is not that it is well. */
const endOf = ({ state, ended }: AlertedAnomaly, { labels, ended: reasons }: Words): Field | undefined =>
  state === "resolved" && ended ? { label: labels.ended, value: [reasons[ended]] } : undefined;

function whenOf(anomaly: AlertedAnomaly, words: Words, now: number): string {
  const { resolvedAt, state } = anomaly;
  const begin = beginOf(anomaly);
  if (state === "resolved" && resolvedAt !== undefined) {
    return words.lasted(lasting(resolvedAt - begin, words.time), instant(begin), instant(resolvedAt));
  }
  return words.since(lasting(now - begin, words.time), instant(begin));
}

/** Values that are no measure of how bad it is: how long it lasts, and how many are well. */
const COUNTS: Readonly<Record<string, "silence" | "agreeing" | undefined>> = {
  "silent-node": "silence",
  "settings-drift": "agreeing",
};
/** Facts that say when it began, of rules that see it later. */
const BEGINS: Readonly<Record<string, string | undefined>> = {
  "silent-node": "lastSeenAt",
  "settings-drift": "since",
};

/** When it began, as far as that is known: it opened then or later. */
function beginOf({ rule, openedAt, resolvedAt, peak, finding }: AlertedAnomaly): number {
  const began = finding.facts?.[BEGINS[rule] ?? ""];
  if (typeof began === "number" && began <= openedAt) return began;
  // Heard again, its last finding is of the present.
  const isHeard = COUNTS[rule] === "silence" && resolvedAt !== undefined && peak !== undefined;
  return isHeard ? Math.min(openedAt, resolvedAt - peak) : openedAt;
}

/** A time that stands under since is not said twice. */
const withoutBegin = (finding: Measured, began: number): Measured => ({
  ...finding,
  facts: Object.fromEntries(
    Object.entries(finding.facts ?? {}).filter(
      ([fact, said]) => !(Object.values(BEGINS).includes(fact) && said === began),
    ),
  ),
});

function acknowledgement(
  { acknowledgedBy: by, acknowledgedNote: note }: AlertedAnomaly,
  { labels, acknowledged }: Words,
): Field | undefined {
  if (by === undefined) return undefined;
  const given = (text: string | undefined) => (text ? name(text) : undefined);
  return { label: labels.acknowledged, value: acknowledged(given(by), given(note)) };
}

/** Who has most of it; of what is one owner's alone, where to. */
function contributed({ finding, subject }: AlertedAnomaly, unit: Unit, words: Words): Field | undefined {
  const { contributors = [] } = finding;
  if (contributors.length === 0) return undefined;
  const own = subject.party;
  const isOwn =
    own !== undefined && contributors.every(({ party, peer }) => peer !== undefined && isSame(party, own));
  const rows = contributors.map((contributor): Text => {
    const amount = amountOf(contributor, finding, { unit, words });
    const { party, peer, peerPort } = contributor;
    const to = peer === undefined ? undefined : name(endpoint(peer, peerPort));
    if (isOwn && to !== undefined) return [to, `${words.colon}${amount}`];
    return [
      ...partyText(party, words),
      `${words.colon}${amount}`,
      ...(to === undefined ? [] : words.value.towards(to)),
    ];
  });
  return { label: isOwn ? words.labels.towards : words.labels.who, value: joined(rows, words.semicolon) };
}

const isSame = (a: Party, b: Party): boolean =>
  a.kind === b.kind &&
  a.name === b.name &&
  a.namespace === b.namespace &&
  (a.name !== "" || a.address === b.address);

/** Whether those who contribute are shown with where they go to. */
const namesPeer = ({ contributors = [], facts }: Measured): boolean =>
  facts?.["peerName"] === undefined && contributors.some(({ peer }) => peer !== undefined);

/**
 * What they have, and which share of the whole: of the value where they are counted as it is, of what is in use where it is a part of
 * a table. Else they are counted in something else, of which the whole is not known.
 */
function amountOf(
  { value }: Contributor,
  finding: Measured,
  { unit, words }: { unit: Unit; words: Words },
): string {
  const isSame = unit === "entries" || unit === "openings";
  const whole = unit === "ratio" ? finding.facts?.["used"] : isSame ? finding.value : undefined;
  const amount = isSame ? valued(value, unit, words) : counted(value);
  if (typeof whole !== "number" || whole <= 0 || value > whole) return amount;
  return `${amount} (${words.value.share(hundredths(value / whole))})`;
}

/** The words of the case an anomaly is of. */
export function caseOf(rule: RuleWords, { cause }: Measured) {
  return (
    (cause !== undefined && rule.causes && Object.hasOwn(rule.causes, cause) && rule.causes[cause]) || rule
  );
}

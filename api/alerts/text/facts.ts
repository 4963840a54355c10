import type { Measured } from "../../detect/rule.ts";
import type { Field } from "./message.ts";
import { say, type Part, type Text } from "./text.ts";
import { counted, endpoint, hundredths, protocolName } from "./units.ts";
import { valued } from "./valued.ts";
import type { Unit, Words } from "./words.ts";

type Facts = NonNullable<Measured["facts"]>;
const name = (text: string): Part => ({ name: text });

/** What known facts count, the most telling first. */
const COUNTS: Readonly<Record<string, Unit>> = {
  share: "ratio",
  openedPerSecond: "flows/s",
  entries: "entries",
  snatShare: "ratio",
  natAddress: "count",
  leftMs: "ms",
  perHour: "entries",
  usualPerHour: "entries",
  utilisation: "ratio",
  fill: "ratio",
  drop: "count",
  insertFailed: "count",
  earlyDrop: "count",
  chainTooLong: "count",
  portsUsed: "ports",
  perSecond: "flows/s",
  sourceShare: "ratio",
  established: "entries",
  usualEstablished: "entries",
  timeoutS: "seconds",
  set: "count",
  usual: "count",
  before: "count",
  since: "at",
  silent: "nodes",
  lastSeenAt: "at",
  source: "count",
  events: "count",
  count: "entries",
  overruns: "count",
};
const ORDER = new Map(Object.keys(COUNTS).map((fact, at) => [fact, at]));

/** Said elsewhere, or of use to programs only. */
const HIDDEN: ReadonlySet<string> = new Set([
  "used",
  "max",
  "available",
  "setting",
  "series",
  "judged",
  "nodes",
  "seconds",
  "minutes",
  "lost",
  "found",
  "opened",
  "clashResolve",
  "tableFull",
  "usualOfNode",
  "ofNode",
  "peers",
]);
/** Told together, as one. */
const TOGETHER = /^(peer(Port|Kind|Namespace|Name|Share|Entries)?|protocol|(node|reason|lines)\d+)$/;
/** None of these is no news. */
const ONLY_IF_ANY: ReadonlySet<string> = new Set([
  "drop",
  "insertFailed",
  "earlyDrop",
  "chainTooLong",
  "overruns",
]);
/** More would hide what matters. */
const MAX_FACTS = 6;

/** What else is known of a finding, beside its value and who contributes. */
export function factsOf({ facts = {}, value, baseline }: Measured, rule: string, words: Words): Field[] {
  const single = Object.entries(facts)
    .filter(
      ([fact, said]) => !HIDDEN.has(fact) && !TOGETHER.test(fact) && said !== value && said !== baseline,
    )
    .filter(([fact, said]) => said !== 0 || !ONLY_IF_ANY.has(fact))
    .toSorted(([a], [b]) => (ORDER.get(a) ?? ORDER.size) - (ORDER.get(b) ?? ORDER.size))
    .map(([fact, said]) => ({
      label: labelOf(fact, rule, words),
      value: [
        written(fact, said, words),
        ...(rule === "settings-drift" && fact === "usual" ? agreeing(facts, value, words) : []),
      ],
    }));
  return [...listed(facts, words), ...single].slice(0, MAX_FACTS);
}

/** How many of the nodes are set so. */
const agreeing = ({ nodes }: Facts, agreed: number, { value }: Words): Text =>
  typeof nodes === "number" ? [` (${value.agree(counted(agreed), counted(nodes))})`] : [];

const labelOf = (fact: string, rule: string, { facts }: Words): string => {
  const own = `${rule}.${fact}`;
  if (Object.hasOwn(facts, own)) return facts[own] ?? fact;
  return (Object.hasOwn(facts, fact) ? facts[fact] : undefined) ?? spaced(fact);
};

/** halfOpenRate → half open rate. */
const spaced = (fact: string): string => fact.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const written = (fact: string, said: number | string, words: Words): Part =>
  typeof said === "string"
    ? name(said)
    : valued(said, (Object.hasOwn(COUNTS, fact) ? COUNTS[fact] : undefined) ?? "count", words);

/** Facts that are numbered: names of nodes, what the kernel log says and how often. */
function listed(facts: Facts, words: Words): Field[] {
  const nodes = numbered(facts, "node").map(([, node]): Text => [name(String(node))]);
  const reasons = numbered(facts, "reason").map(([number, reason]): Text => {
    const lines = facts[`lines${number}`];
    return typeof lines === "number" ? say`${name(String(reason))} (${lines})` : [name(String(reason))];
  });
  return [
    { label: words.labels.nodes, texts: nodes },
    { label: words.labels.log, texts: reasons },
  ]
    .filter(({ texts }) => texts.length > 0)
    .map(({ label, texts }) => ({
      label,
      value: texts.flatMap((text, at): Text => (at === 0 ? text : [words.semicolon, ...text])),
    }));
}

const numbered = (facts: Facts, stem: string): [number, string | number][] =>
  [1, 2, 3, 4, 5].flatMap((number): [number, string | number][] => {
    const said = facts[`${stem}${number}`];
    return said === undefined ? [] : [[number, said]];
  });

/** The destination that most of it goes to, and who holds its address; undefined where none stands out. */
export function destinationOf({ facts = {} }: Measured, words: Words): Field | undefined {
  const { peer, peerPort, protocol, peerShare, peerKind, peerNamespace, peerName } = facts;
  if (peer === undefined) return undefined;
  const port = typeof peerPort === "number" ? peerPort : undefined;
  const by = typeof protocol === "number" ? ` (${protocolName(protocol)})` : "";
  const who =
    peerName === undefined
      ? []
      : say`, ${words.where.party(String(peerKind), name([peerNamespace, peerName].filter(Boolean).join("/")), [])}`;
  const share = typeof peerShare === "number" ? [`, ${words.value.share(hundredths(peerShare))}`] : [];
  return {
    label: words.labels.towards,
    value: [name(endpoint(String(peer), port)), by, ...who, ...share],
  };
}

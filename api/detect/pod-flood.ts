import type { Look, PartyRow } from "../../db/look.ts";
import { floorsOf, sidesOf, verdictOf } from "./flood.ts";
import type { FloodLimit, FloodLimits } from "./flood.ts";
import { floodMeasured } from "./flood-facts.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Judged, Subject } from "./rule.ts";
import { partySubject } from "./subject.ts";
import { fillOf, HOUR_MS, isFresh, MINUTE_MS } from "./window.ts";

const ratio = (value: number, title: string) => ({ default: value, min: 0.01, max: 1, unit: "ratio", title });
const times = (value: number, title: string) => ({
  default: value,
  min: 1,
  max: 1_000,
  unit: "times",
  title,
});
const score = (value: number, title: string) => ({ default: value, min: 0.5, max: 50, unit: "score", title });

const thresholds = {
  part: ratio(0.05, "Entries of one owner, as a part of the table's limit"),
  least: {
    default: 2_000,
    min: 10,
    max: 10_000_000,
    unit: "entries",
    title: "Fewer entries of one owner are no flood, however small the table",
  },
  rate: {
    default: 50,
    min: 1,
    max: 1_000_000,
    unit: "flows/s",
    title: "Fewer openings a second by one owner are no flood",
  },
  closeShare: ratio(0.3, "All is well where one owner has less of the node's entries and openings"),
  share: ratio(0.4, "Part of the node's entries or openings that one owner has"),
  outgrowth: times(3, "How many times its usual size an owner has, against all others of the node"),
  growth: times(10, "So many times its entries of the day before are a flood, whatever their share"),
  closeScore: score(2, "All is well where the node's score is lower"),
  score: score(4, "Score of the node's entries or openings"),
  critical: ratio(0.6, "Critical where the table is as full as this"),
};

/** One owner fills the table of its node, or opens flows so fast that it soon will. */
export const podFlood = defineNodeRule<FloodLimit>({
  name: "pod-flood",
  revision: 1,
  title: "One Pod floods the connection table",
  unit: "entries",
  series: "entries",
  thresholds,
  ascending: [
    ["closeShare", "share"],
    ["closeScore", "score"],
  ],
  policy: { need: { windows: 2, ms: 0 }, clearMs: 10 * MINUTE_MS, cooldownMs: HOUR_MS },
  gate(window, limits) {
    const floors = floorsOf(window, limits);
    const isFast = (window.opened ?? 0) >= floors.openings;
    const isLarge = isFresh(window) && (window.entries ?? 0) >= floors.entries;
    // Who opens flows fast may have few entries so far.
    const medianFrom = isFast ? floors.entries / 10 : floors.entries;
    return isFast || isLarge ? { hours: true, peers: true, flows: { medianFrom } } : undefined;
  },
  needOf: { hours: true, peers: true, flows: {} },
  judge(look, limits, known) {
    const rows = new Map<string, { subject: Subject; row: PartyRow }>();
    for (const row of look.flows?.parties ?? []) {
      const subject = partySubject(look.window, row.party);
      rows.set(subject.key, { subject, row });
    }
    const judge = judgeOf(look, limits);
    const before = known.map((subject) => judge(subject, rows.get(subject.key)?.row));
    for (const { key } of known) rows.delete(key);
    const others = [...rows.values()].map(({ subject, row }) => judge(subject, row));
    return [...before, ...others.filter(({ finding }) => finding.verdict === "bad")];
  },
});

/** An owner without a row has next to nothing. */
function judgeOf(look: Look, limits: FloodLimits): (subject: Subject, row: PartyRow | undefined) => Judged {
  const { flows, window } = look;
  if (!flows) return (subject) => ({ subject, finding: { verdict: "unknown" } });
  const sides = sidesOf(look, flows, limits);
  const usual = sides[0]?.score?.baseline.mean;
  const severity = (fillOf(window) ?? 0) >= limits.critical ? "critical" : "warning";
  return (subject, row = nothingOf(subject)) => {
    const verdicts = sides.map((side) => verdictOf(side, row, { usual, limits }));
    const verdict = worst(verdicts);
    // Of an owner that does not flood, what it has is told.
    const side = sides[Math.max(verdicts.indexOf("bad"), 0)];
    if (verdict === "unknown" || !side) return { subject, finding: { verdict: "unknown" } };
    const measured = floodMeasured(look, row, side);
    const finding: Finding =
      verdict === "bad" ? { verdict, severity, ...measured } : { verdict, ...measured };
    return { subject, finding };
  };
}

const WORST = ["bad", "unknown", "between", "clear"] as const;
const worst = (verdicts: readonly (typeof WORST)[number][]): (typeof WORST)[number] =>
  WORST.find((verdict) => verdicts.includes(verdict)) ?? "unknown";

const nothingOf = ({ key, party = { kind: "address", name: key, address: "" } }: Subject): PartyRow => ({
  party,
  entries: 0,
  snatEntries: 0,
  unreplied: 0,
  peers: 0,
});

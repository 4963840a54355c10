import type { Look, NodeWindow, PartyRow } from "../../db/look.ts";
import { floorsOf, mayFlood, sidesOf, verdictOf } from "./flood.ts";
import type { FloodLimit, FloodLimits, Side } from "./flood.ts";
import { floodMeasured } from "./flood-facts.ts";
import { defineNodeRule } from "./rule.ts";
import type { Finding, Judged, Subject } from "./rule.ts";
import { scoreOf } from "./score.ts";
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
  growth: times(10, "So many times its entries of the day before may be a flood of a smaller share"),
  excess: ratio(0.6, "Part that such an owner then has of all that the node has more than usual"),
  closeScore: score(2, "All is well where the node's score is lower"),
  score: score(4, "Score of the node's entries or openings"),
  critical: ratio(0.6, "Critical where the table is as full as this"),
};

/** Of smaller owners nobody need know how large they usually are. */
const MEDIAN_FROM = 1_000;

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
  // Two windows of the usual length; of shorter ones more, that a burst of some seconds is none.
  policy: { need: { windows: 2, ms: 45_000 }, clearMs: 10 * MINUTE_MS, cooldownMs: HOUR_MS },
  gate: (window, limits) => (medianFrom(window, limits) === undefined ? undefined : { hours: true }),
  closer(look, limits) {
    const [count, opened] = [scoreOf("count", look), scoreOf("opened", look)];
    // By its own history this is usual: whoever has most of the node, it is no flood.
    if (count && opened && count.score < limits.score && opened.score < limits.closeScore) return undefined;
    const flows = { medianFrom: medianFrom(look.window, limits) };
    return count && opened ? { flows } : { peers: true, flows };
  },
  needOf: { hours: true, peers: true, flows: { medianFrom: MEDIAN_FROM } },
  judge(look, limits, known) {
    const { flows, window } = look;
    if (!flows) return known.map((subject) => ({ subject, finding: { verdict: "unknown" } }));
    const sides = sidesOf(look, flows, limits);
    const find = (row: PartyRow, isSeen: boolean) => findingOf(look, row, { sides, limits, isSeen });
    const isKnown = new Set(known.map(({ key }) => key));
    const rows = new Map(flows.parties.map((row) => [partySubject(window, row.party).key, row]));
    const before = known.map((subject): Judged => {
      const row = rows.get(subject.key) ?? nothingOf(subject);
      return { subject, finding: find(row, true) };
    });
    const others = [...rows]
      .filter(([key, row]) => !isKnown.has(key) && mayFlood(sides, row))
      .map(([, row]): Judged => ({ subject: partySubject(window, row.party), finding: find(row, false) }));
    return [...before, ...others.filter(({ finding }) => finding.verdict === "bad")];
  },
});

function findingOf(
  look: Look,
  row: PartyRow,
  { sides, limits, isSeen }: { sides: Side[]; limits: FloodLimits; isSeen: boolean },
): Finding {
  const usual = look.flows?.dayMedian ?? sides[0]?.score?.baseline.mean;
  const verdicts = sides.map((side) => verdictOf(side, row, { usual, limits, isSeen }));
  const verdict = worst(verdicts);
  // Of an owner that does not flood, what it has is told.
  const side = sides[Math.max(verdicts.indexOf("bad"), 0)];
  if (verdict === "unknown" || !side) return { verdict: "unknown" };
  const measured = floodMeasured(look, row, side);
  if (verdict !== "bad") return { verdict, ...measured };
  const isCritical = (fillOf(look.window) ?? 0) >= limits.critical;
  return { verdict, severity: isCritical ? "critical" : "warning", ...measured };
}

const WORST = ["bad", "unknown", "between", "clear"] as const;
const worst = (verdicts: readonly (typeof WORST)[number][]): (typeof WORST)[number] =>
  WORST.find((verdict) => verdicts.includes(verdict)) ?? "unknown";

/** From how many entries on an owner may flood, as far as the window alone says; undefined where none does. */
function medianFrom(window: NodeWindow, limits: FloodLimits): number | undefined {
  const floors = floorsOf(window, limits);
  // Who opens flows fast may have few entries so far.
  if ((window.opened ?? 0) >= floors.openings) return floors.entries / 10;
  return isFresh(window) && (window.entries ?? 0) >= floors.entries ? floors.entries : undefined;
}

/** An owner without a row has next to nothing. */
const nothingOf = ({ key, party = { kind: "address", name: key, address: "" } }: Subject): PartyRow => ({
  party,
  entries: 0,
  snatEntries: 0,
  unreplied: 0,
  peers: 0,
});

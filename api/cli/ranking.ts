import type { Page } from "./command.ts";
import { number } from "./table.ts";
import { workloadText } from "./words.ts";

/** What rankings of all kinds say besides their rows. */
interface Ranking {
  by: string;
  metric: string;
  rankedBy: string;
  exact: boolean;
  lack: Readonly<Record<string, number | undefined>>;
  missing: Readonly<Record<string, number | undefined>>;
  window: { from: string; to: string; foldedUntil?: string | undefined };
  total: Row;
  unattributed?: Row | undefined;
  remainder: Row & { rows: number };
}

/** A row of any kind of ranking. */
export type Row = Readonly<Record<string, unknown>>;

export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const count = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** Whether there was anything, be it that nobody knows whose. */
export const isAny = (
  rows: readonly Row[],
  { total, rankedBy }: Pick<Ranking, "total" | "rankedBy">,
): boolean => rows.length > 0 || (count(total[rankedBy]) ?? 0) > 0;

/** All rows by what they are called, and behind them what nobody is known to own and everybody who is not listed. */
export function allRows(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  { unattributed, remainder, rankedBy }: Pick<Ranking, "unattributed" | "remainder" | "rankedBy">,
): Row[] {
  const unowned = unattributed && unattributed[rankedBy] !== 0;
  const others = remainder.rows > 0 ? `(${number(remainder.rows)} or more others)` : "(others)";
  return [
    ...rows.map((row) => ({ ...row, who: nameOf(row) })),
    ...(unowned ? [{ ...unattributed, who: "(nobody known)" }] : []),
    ...(remainder.rows > 0 || (count(remainder[rankedBy]) ?? 0) > 0 ? [{ ...remainder, who: others }] : []),
  ];
}

/** `Deployment web`; of a row that is itself a workload its kind. */
export const madeBy = (by: string, { workloadKind, workload }: Row): string =>
  by === "workload" ? text(workloadKind) : workloadText(text(workloadKind), text(workload));

export const heading = ({ by, rankedBy, window }: Ranking, { time, zone }: Page): string =>
  `by ${by}, most ${rankedBy} first, ${time(window.from)} to ${time(window.to)} (${zone})`;

/** How far a ranking is to be trusted, a sentence each. */
export function caveats(rows: readonly Row[], ranking: Ranking, { time }: Page): string[] {
  const { metric, rankedBy, window, unattributed } = ranking;
  return [
    ...(rows.length === 0 && unattributed && isAny(rows, ranking) ? [UNOWNED] : []),
    ...(areOver(rows, ranking)
      ? ["Each row is at its own peak, so that they add up to more than there was at once."]
      : []),
    ...(metric === rankedBy ? [] : [`Nobody counts ${metric} here: ranked by ${rankedBy}.`]),
    ...(window.foldedUntil === undefined
      ? []
      : [`Whole up to ${time(window.foldedUntil)}; later reports are not in it yet.`]),
    ...boundsOf(ranking),
  ];
}

function boundsOf({ rankedBy, exact, lack, missing }: Ranking): string[] {
  const [short, unlisted] = [lack[rankedBy] ?? 0, missing[rankedBy] ?? 0];
  const bounds = [
    ...(short > 0 ? [`Each row may have up to ${number(short)} ${rankedBy} more.`] : []),
    ...(unlisted > 0 ? [`Whoever is not listed has ${number(unlisted)} ${rankedBy} at most.`] : []),
  ];
  return exact || bounds.length === 0 ? [] : [bounds.join(" ")];
}

/** Whether rows are parts of a whole that is less than their sum. */
function areOver(rows: readonly Row[], { unattributed, remainder }: Ranking): boolean {
  const shares = [...rows, unattributed, remainder].map((row) => count(row?.["share"]) ?? 0);
  return shares.reduce((sum, share) => sum + share, 0) > 1 + ROUNDING;
}

/** Shares are fractions, and what was added up of them is nearly what they are parts of. */
const ROUNDING = 1e-6;
const UNOWNED =
  "Nobody is known to own these addresses: try --by address. Agents learn owners from Kubernetes, Docker or a file (CONNTRAIL_OWNERS).";

export const NOTHING = "Nothing was reported there. Is the range right, and what it is narrowed to?";

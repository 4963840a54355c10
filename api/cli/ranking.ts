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
}

/** A row of any kind of ranking. */
export type Row = Readonly<Record<string, unknown>>;

export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const count = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** All rows by what they are called, and behind them what nobody is known to own and everybody who is not listed. */
export function allRows(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  { unattributed, remainder }: { unattributed?: Row | undefined; remainder: Row & { rows: number } },
): Row[] {
  return [
    ...rows.map((row) => ({ ...row, who: nameOf(row) })),
    ...(unattributed ? [{ ...unattributed, who: "(nobody known)" }] : []),
    ...(remainder.rows > 0 ? [{ ...remainder, who: `(${number(remainder.rows)} or more others)` }] : []),
  ];
}

/** `Deployment web`; of a row that is itself a workload its kind. */
export const madeBy = (by: string, { workloadKind, workload }: Row): string =>
  by === "workload" ? text(workloadKind) : workloadText(text(workloadKind), text(workload));

export const heading = ({ by, rankedBy, window }: Ranking, { time, zone }: Page): string =>
  `by ${by}, most ${rankedBy} first, ${time(window.from)} to ${time(window.to)} (${zone})`;

/** How far a ranking is to be trusted, a sentence each. */
export function caveats(
  { metric, rankedBy, exact, lack, missing, window }: Ranking,
  { time }: Page,
): string[] {
  const [short, unlisted] = [lack[rankedBy] ?? 0, missing[rankedBy] ?? 0];
  const bounds = `No row is short of more than ${number(short)}; nobody who is not listed has more than ${number(unlisted)}.`;
  return [
    ...(metric === rankedBy ? [] : [`Nobody counts ${metric} here: ranked by ${rankedBy}.`]),
    ...(window.foldedUntil === undefined
      ? []
      : [`Whole up to ${time(window.foldedUntil)}; later reports are not in it yet.`]),
    ...(exact || short + unlisted === 0 ? [] : [bounds]),
  ];
}

export const NOTHING = "Nothing was reported there. Is the range right, and what it is narrowed to?";

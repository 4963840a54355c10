import { isRecord } from "../facts/words.ts";
import type { AgesRow, InvalidRow, Party, PortsRow } from "../look.ts";
import type { Occupied } from "../ports/occupied.ts";
import { keyOfParty } from "./parties.ts";

/** Of those that hold ports towards one peer; a message names three. */
export const MAX_PORT_HOLDERS = 10;

/** Reads `ages` of a report (Ages of api/wire.ts); undefined where it is none. Rows that are none are passed over. */
export function readAges(ages: unknown): AgesRow[] | undefined {
  if (!Array.isArray(ages)) return undefined;
  return ages.flatMap((row: unknown): AgesRow[] => {
    if (!isRecord(row) || typeof row["of"] !== "string" || !isCount(row["timeout"])) return [];
    const entries: unknown = row["entries"];
    if (!Array.isArray(entries) || !entries.every(isCount)) return [];
    return [{ of: row["of"], timeoutS: row["timeout"], entries }];
  });
}

/** Reads the reasons of `counters` of a report (Counters of api/wire/host.ts); undefined where it has no kernel log. */
export function readInvalid(counters: unknown): InvalidRow[] | undefined {
  const log = isRecord(counters) ? counters["log"] : undefined;
  const rows = isRecord(log) ? log["invalid"] : undefined;
  if (!Array.isArray(rows)) return undefined;
  return rows.flatMap((row: unknown): InvalidRow[] => {
    if (!isRecord(row) || typeof row["reason"] !== "string" || !isCount(row["lines"])) return [];
    const sample = typeof row["sample"] === "string" ? row["sample"] : "";
    return [{ reason: row["reason"], lines: row["lines"], sample }];
  });
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** Ports in use and by whom, those with most first. */
export const portsOf = (occupied: readonly Occupied[], partyOf: (address: string) => Party): PortsRow[] =>
  occupied.map(({ shares, sources: _sources, ...row }) => {
    const holders = new Map<string, { party: Party; used: number }>();
    for (const { source, used } of shares) {
      const party = partyOf(source);
      const key = keyOfParty(party);
      holders.set(key, {
        party: holders.get(key)?.party ?? party,
        used: used + (holders.get(key)?.used ?? 0),
      });
    }
    const most = [...holders.values()].toSorted((a, b) => b.used - a.used);
    return { ...row, holders: most.slice(0, MAX_PORT_HOLDERS) };
  });

import type * as z from "zod";
import { type Cell, toCsv } from "../csv.ts";
import type { AttributionOwner, BatchLine, HeldLease, Leases, Reason } from "./schema.ts";

type Row = Record<string, Cell>;

const OWNER = [
  "kind",
  "namespace",
  "name",
  "uid",
  "workloadKind",
  "workload",
  "node",
  "since",
  "until",
] as const;
const OWNER_COLUMNS = OWNER.map((field) => `owner.${field}`);
const ASKED = ["address", "port", "protocol", "peer", "peerPort", "at"] as const;
const LEASE = [
  "natAddress",
  "natPort",
  "protocol",
  "peer",
  "peerPort",
  "zone",
  "opened",
  "closed",
  "lastSeen",
] as const;
const LEASE_COLUMNS = LEASE.map((field) => `lease.${field}`);

/** Of a batch. `candidates` is how many there are, `candidate` which of them the row is, from 1. */
export const LINE_COLUMNS: readonly string[] = [
  "line",
  ...ASKED,
  "certainty",
  "reasons",
  "candidates",
  "candidate",
  "cluster",
  "node",
  "via",
  "source",
  "sourcePort",
  ...OWNER_COLUMNS,
  ...LEASE_COLUMNS,
  "error",
  "errorText",
];

/** A row for each candidate of a line; one where it has none. Its reasons are those of the answer and of the candidate. */
export function lineRows(line: z.infer<typeof BatchLine>): Row[] {
  if ("error" in line) return [{ line: line.line, error: line.error.code, errorText: line.error.text }];
  const { asked, certainty, candidates, more, reasons } = line;
  const shared: Row = { line: line.line, ...picked(ASKED, asked), certainty, reasons: codes(reasons) };
  shared["candidates"] = candidates.length + more;
  if (candidates.length === 0) return [shared];
  return candidates.map(({ cluster, node, via, source, sourcePort, ...candidate }, at) => ({
    ...shared,
    reasons: codes([...reasons, ...candidate.reasons]),
    candidate: at + 1,
    cluster,
    node,
    via,
    source,
    sourcePort,
    ...ownerCells(candidate.owner),
    ...(candidate.lease && named("lease", picked(LEASE, candidate.lease))),
  }));
}

const HELD = ["cluster", "node", "source", "sourcePort", ...LEASE] as const;

/** What somebody looked like from outside, as CSV. */
export function leasesCsv({ leases }: z.infer<typeof Leases>): string {
  const row = (lease: z.infer<typeof HeldLease>): Row => ({
    ...picked(HELD, lease),
    ...ownerCells(lease.owner),
    reasons: codes(lease.reasons),
  });
  return toCsv([...HELD, ...OWNER_COLUMNS, "reasons"], leases.map(row));
}

const codes = (reasons: readonly z.infer<typeof Reason>[]): string =>
  [...new Set(reasons.map(({ code }) => code))].join(" ");

const ownerCells = (owner: z.infer<typeof AttributionOwner> | null): Row =>
  owner ? named("owner", picked(OWNER, owner)) : {};

function picked<K extends string>(fields: readonly K[], from: Readonly<Record<K, Cell>>): Row {
  return Object.fromEntries(fields.map((field) => [field, from[field]]));
}

function named(of: string, cells: Row): Row {
  return Object.fromEntries(Object.entries(cells).map(([name, cell]) => [`${of}.${name}`, cell]));
}

import * as z from "zod";
import { type Check, complain, eachOnce, inRange, partsOf, sameLengths, sum } from "./checks.ts";
import { addressElements, column, countElements, indexElements, wholeElements } from "./columns.ts";
import { Count, natElements } from "./values.ts";

/** Sources a report lists one by one; an agent folds more into the remainder. */
export const MAX_TALKERS = 4096;
/** Flow groups a report lists one by one. */
export const MAX_GROUPS = 4096;
/** Peers whose dialled service a report names. */
export const MAX_DIALLED = 1024;
/** Distinct addresses all columns may refer to: those of talkers, of groups, and of the holders of leases. */
export const MAX_ADDRESSES = 12_288;

/**
 * One source a row, over all its flow groups. `source` indexes `addresses`. `entries` and its parts are of the dump,
 * `opened` and `closed` of the window.
 */
const Talkers = z
  .object({
    source: column(countElements, MAX_TALKERS),
    entries: column(countElements, MAX_TALKERS),
    snatEntries: column(countElements, MAX_TALKERS),
    unreplied: column(countElements, MAX_TALKERS),
    /** Distinct peer addresses. */
    peers: column(countElements, MAX_TALKERS),
    /** Flows that began and ended in the window; `completeness` says how they were counted. */
    opened: column(countElements, MAX_TALKERS).optional(),
    closed: column(countElements, MAX_TALKERS).optional(),
    /** TCP entries in ESTABLISHED, those of them that were idle for an hour or more, and those in CLOSE_WAIT. */
    established: column(countElements, MAX_TALKERS).optional(),
    idle: column(countElements, MAX_TALKERS).optional(),
    closeWait: column(countElements, MAX_TALKERS).optional(),
  })
  .meta({ id: "ReportTalkers" });

/** One flow group a row. `source`, `peer` and `natAddress` index `addresses`. */
const Groups = z
  .object({
    source: column(countElements, MAX_GROUPS),
    peer: column(countElements, MAX_GROUPS),
    /** 0 where the protocol has no ports. */
    peerPort: column(wholeElements(65_535), MAX_GROUPS),
    protocol: column(wholeElements(255), MAX_GROUPS),
    nat: column(natElements, MAX_GROUPS),
    /** The address the peer sees; null without SNAT. */
    natAddress: column(indexElements, MAX_GROUPS),
    /** Conntrack zone of the reply direction, in which the NAT port is unique; absent where all are in zone 0. */
    zone: column(wholeElements(65_535), MAX_GROUPS).optional(),
    entries: column(countElements, MAX_GROUPS),
    unreplied: column(countElements, MAX_GROUPS),
    opened: column(countElements, MAX_GROUPS).optional(),
    closed: column(countElements, MAX_GROUPS).optional(),
    /**
     * Both directions, moved since the dump before (or counted at the end of a flow) by entries that carry counters: those
     * created while accounting (nf_conntrack_acct) was on. Absent where none does.
     */
    bytes: column(countElements, MAX_GROUPS).optional(),
    packets: column(countElements, MAX_GROUPS).optional(),
  })
  .meta({ id: "ReportGroups" });

const TalkerRemainder = z.object({
  sources: Count,
  entries: Count,
  snatEntries: Count,
  unreplied: Count,
  opened: Count.optional(),
  closed: Count.optional(),
  established: Count.optional(),
  idle: Count.optional(),
  closeWait: Count.optional(),
});
const GroupRemainder = z.object({
  groups: Count,
  entries: Count,
  unreplied: Count,
  opened: Count.optional(),
  closed: Count.optional(),
  bytes: Count.optional(),
  packets: Count.optional(),
});

/** Through which service address a peer was reached (destination NAT): one row a peer and dialled address. */
const Dialled = z
  .object({
    peer: column(countElements, MAX_DIALLED),
    peerPort: column(wholeElements(65_535), MAX_DIALLED),
    protocol: column(wholeElements(255), MAX_DIALLED),
    address: column(countElements, MAX_DIALLED),
    port: column(wholeElements(65_535), MAX_DIALLED),
  })
  .meta({ id: "ReportDialled" });

const FlowTables = z.object({
  addresses: column(addressElements, MAX_ADDRESSES),
  talkers: Talkers,
  talkerRemainder: TalkerRemainder,
  groups: Groups,
  groupRemainder: GroupRemainder,
  /**
   * Present where the node had more sources or groups than an agent tells apart and the smallest were folded away: no source
   * (group) has more than this many entries or openings beyond what its row says, or 0 where it has none.
   */
  error: z.object({ sources: Count, groups: Count }).optional(),
  dialled: Dialled.optional(),
});

/** Who uses the table: every column of a table has the same length, listed rows and remainder add up to the dump. */
export const Flows = FlowTables.superRefine(checkFlows).meta({ id: "Flows" });
export type Flows = z.infer<typeof Flows>;

type Tables = z.infer<typeof FlowTables>;

function checkFlows(flows: Tables, check: Check): void {
  const { talkers, groups, dialled } = flows;
  const sameLength = [
    sameLengths(["talkers"], talkers, check),
    sameLengths(["groups"], groups, check),
    sameLengths(["dialled"], dialled ?? {}, check, "peer"),
  ];
  if (sameLength.includes(false)) return;
  const size = flows.addresses.length;
  inRange(["talkers", "source"], talkers.source, size, check);
  inRange(["groups", "source"], groups.source, size, check);
  inRange(["groups", "peer"], groups.peer, size, check);
  inRange(["groups", "natAddress"], groups.natAddress, size, check);
  inRange(["dialled", "peer"], dialled?.peer ?? [], size, check);
  inRange(["dialled", "address"], dialled?.address ?? [], size, check);
  for (const part of ["snatEntries", "unreplied", "established", "closeWait"] as const)
    partsOf(["talkers", part], talkers[part], talkers.entries, check);
  partsOf(["talkers", "idle"], talkers.idle, talkers.established ?? [], check);
  partsOf(["groups", "unreplied"], groups.unreplied, groups.entries, check);
  eachOnce(["addresses"], flows.addresses, check);
  eachOnce(["talkers", "source"], talkers.source, check);
  remaindersOf("talkers", talkers, flows.talkerRemainder, check);
  remaindersOf("groups", groups, flows.groupRemainder, check);
  sameTotals(flows, check);
}

/** Sources and groups are two ways to list the same flows. */
function sameTotals({ talkers, talkerRemainder, groups, groupRemainder }: Tables, check: Check): void {
  for (const part of ["opened", "closed"] as const) {
    if (!talkers[part] || !groups[part]) continue;
    const ofTalkers = sum(talkers[part]) + (talkerRemainder[part] ?? 0);
    const ofGroups = sum(groups[part]) + (groupRemainder[part] ?? 0);
    if (ofTalkers !== ofGroups)
      complain(
        check,
        ["groups", part],
        `rows and remainder add up to ${ofGroups}, those of the talkers to ${ofTalkers}`,
      );
  }
}

const OPTIONAL = ["opened", "closed", "established", "idle", "closeWait", "bytes", "packets"] as const;
type Optional = Partial<Record<(typeof OPTIONAL)[number], unknown>>;

/** A column without its remainder, or the other way round, would leave a sum open. */
function remaindersOf(table: string, columns: Optional, remainder: Optional, check: Check): void {
  const odd = OPTIONAL.find((name) => (columns[name] === undefined) !== (remainder[name] === undefined));
  if (odd) complain(check, [table, odd], "stands in the rows and in the remainder, or in neither");
}

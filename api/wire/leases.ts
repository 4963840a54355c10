import * as z from "zod";
import { type Check, complain, inRange, sameLengths, sum } from "./checks.ts";
import { column, countElements, integerElements, nullable, wholeElements } from "./columns.ts";
import { Count, Instant } from "./values.ts";

/** Rows (source, NAT address, protocol, peer, peer port) of one table of leases. */
export const MAX_HOLDERS = 16_384;
/** Leases in one table: 1,000 new SNAT flows a second in a window of half a minute, and as many that ended. */
export const MAX_LEASES = 65_536;
/** Occupied (NAT address, protocol, peer) a report lists, and the largest sources it names of each. */
export const MAX_OCCUPIED = 64;
export const MAX_SHARES = 1024;

const MAX_PORT = 65_535;
/** Seconds from the start of the window: a lease may be older than the window by any time a flow can live. */
const seconds = nullable(integerElements(-4_294_967_296, 4_294_967_296));

/** Who holds ports: all in this row share the tuple but for its ports. Addresses index `flows.addresses`. */
const holderColumns = {
  source: column(countElements, MAX_HOLDERS),
  natAddress: column(countElements, MAX_HOLDERS),
  peer: column(countElements, MAX_HOLDERS),
  peerPort: column(wholeElements(MAX_PORT), MAX_HOLDERS),
  protocol: column(wholeElements(255), MAX_HOLDERS),
  /** Conntrack zone of the reply direction; absent where all are in zone 0. */
  zone: column(wholeElements(MAX_PORT), MAX_HOLDERS).optional(),
  /** Leases of this holder among the columns that follow. */
  leases: column(countElements, MAX_HOLDERS),
};

/** One element a lease, holder by holder, in order of NAT port. */
const leaseColumns = {
  /** The first of a holder as it is, each other as what it is above the one before. ICMP: the id. */
  natPort: column(wholeElements(MAX_PORT), MAX_LEASES),
  /** Source port minus NAT port. */
  sourcePort: column(integerElements(-MAX_PORT, MAX_PORT), MAX_LEASES),
  /** Whole seconds from the start of the window; null where the flow began before anybody watched. */
  opened: column(seconds, MAX_LEASES),
};

const ChangeTable = z.object({
  ...holderColumns,
  ...leaseColumns,
  /** Whole seconds from the start of the window; null where the lease was still held at its end. */
  closed: column(seconds, MAX_LEASES),
  /** Leases that began or ended and are not listed here, because there were too many. */
  omitted: Count,
});
/** SNAT mappings that began or ended in the window. */
export const LeaseChanges = ChangeTable.superRefine(checkLeases).meta({ id: "LeaseChanges" });

/**
 * A part of all SNAT mappings in force at `takenAt`: those with a NAT port from `fromPort` to `toPort`. A large table comes
 * in several parts, in this report and those after it, of which `part` counts from 0.
 */
export const LeaseKeyframe = z
  .object({
    takenAt: Instant,
    part: Count,
    parts: Count.min(1),
    fromPort: Count.max(MAX_PORT),
    toPort: Count.max(MAX_PORT),
    ...holderColumns,
    ...leaseColumns,
    /** Leases within these ports that are not listed here, because there were too many. */
    omitted: Count,
  })
  .superRefine(checkLeases)
  .meta({ id: "LeaseKeyframe" });

const PortTable = z.object({
  natAddress: column(countElements, MAX_OCCUPIED),
  peer: column(countElements, MAX_OCCUPIED),
  peerPort: column(wholeElements(MAX_PORT), MAX_OCCUPIED),
  protocol: column(wholeElements(255), MAX_OCCUPIED),
  zone: column(wholeElements(MAX_PORT), MAX_OCCUPIED).optional(),
  used: column(countElements, MAX_OCCUPIED),
  /** How many sources hold them. */
  sources: column(countElements, MAX_OCCUPIED),
  /** The largest sources of each row, which add up to at most its `used`. */
  shares: z.object({
    row: column(countElements, MAX_SHARES),
    source: column(countElements, MAX_SHARES),
    used: column(countElements, MAX_SHARES),
  }),
});
/** The NAT ports in use towards the peers that use most, as the dump has them, and by whom. */
export const Ports = PortTable.superRefine(checkPorts).meta({ id: "PortOccupancy" });

export type LeaseChanges = z.infer<typeof LeaseChanges>;
export type LeaseKeyframe = z.infer<typeof LeaseKeyframe>;
export type Ports = z.infer<typeof Ports>;

type Table = Omit<z.infer<typeof ChangeTable>, "closed" | "omitted"> & { closed?: readonly unknown[] };

function checkLeases(table: Table, check: Check): void {
  const { source, natAddress, peer, peerPort, protocol, zone, leases } = table;
  sameLengths("leases", { source, natAddress, peer, peerPort, protocol, zone, leases }, check);
  const { natPort, sourcePort, opened, closed } = table;
  const rows = sameLengths("leases", { natPort, sourcePort, opened, closed }, check, "natPort");
  const held = sum(leases);
  if (rows && held !== natPort.length)
    complain(check, ["leases"], `holders have ${held} leases, ${natPort.length} are listed`);
}

function checkPorts({ shares, ...table }: z.infer<typeof PortTable>, check: Check): void {
  const rows = [sameLengths("ports", table, check, "used"), sameLengths("shares", shares, check, "used")];
  if (rows.includes(false)) return;
  inRange(["shares", "row"], shares.row, table.used.length, check);
}

/** Whether every address a table of leases or ports names is one of `size`. */
export function checkHolders(
  path: string,
  table: { source?: readonly number[]; natAddress: readonly number[]; peer: readonly number[] },
  size: number,
  check: Check,
): void {
  inRange([path, "source"], table.source ?? [], size, check);
  inRange([path, "natAddress"], table.natAddress, size, check);
  inRange([path, "peer"], table.peer, size, check);
}

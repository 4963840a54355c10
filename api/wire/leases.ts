import * as z from "zod";
import { type Check, complain, inRange, sameLengths, sum } from "./checks.ts";
import { column, countElements, integerElements, nullable, wholeElements } from "./columns.ts";
import { Count, Instant } from "./values.ts";

/** Rows (source, NAT address, protocol, peer, peer port) of one table of leases. */
export const MAX_HOLDERS = 16_384;
/** Leases that began or ended: 1,000 new SNAT flows a second in a window of half a minute, and as many that ended. */
export const MAX_LEASES = 65_536;
/** Leases in one part of a keyframe: beside as many changes as there can be, it still fits what a report may take. */
export const MAX_KEYFRAME_LEASES = 16_384;
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
const leaseColumns = (max: number) => ({
  /**
   * The first of a holder as it is, each other as what it is above the one before: 0 where one port was leased twice in the
   * window. ICMP: the id.
   */
  natPort: column(wholeElements(MAX_PORT), max),
  /** Source port minus NAT port. */
  sourcePort: column(integerElements(-MAX_PORT, MAX_PORT), max),
  /** Whole seconds from the start of the window; null where the flow began before anybody watched. */
  opened: column(seconds, max),
});

const ChangeTable = z.object({
  ...holderColumns,
  ...leaseColumns(MAX_LEASES),
  /** Whole seconds from the start of the window; null where the lease was still held at its end. */
  closed: column(seconds, MAX_LEASES),
  /** Leases that began or ended and are not listed here, because there were too many. */
  omitted: Count,
});
/** SNAT mappings that began or ended in the window. */
export const LeaseChanges = ChangeTable.superRefine((table, check) =>
  checkLeases(table, check, [0, MAX_PORT]),
).meta({ id: "LeaseChanges" });

/**
 * A part of all SNAT mappings in force at `takenAt`: those with a NAT port from `fromPort` to `toPort`. A large table comes
 * in several parts, in this report and those after it, of which `part` counts from 0.
 */
export const LeaseKeyframe = z
  .object({
    takenAt: Instant,
    part: Count,
    parts: Count.min(1),
    /** Both ends are in it. */
    fromPort: Count.max(MAX_PORT),
    toPort: Count.max(MAX_PORT),
    ...holderColumns,
    ...leaseColumns(MAX_KEYFRAME_LEASES),
    /** Leases within these ports that are not listed here, because there were too many. */
    omitted: Count,
  })
  .superRefine((keyframe, check) => {
    const { part, parts, fromPort, toPort } = keyframe;
    if (part >= parts) complain(check, ["part"], `there are ${parts} parts, counted from 0`);
    if (fromPort > toPort) complain(check, ["toPort"], "comes before fromPort");
    checkLeases(keyframe, check, [fromPort, toPort]);
  })
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

function checkLeases(table: Table, check: Check, ports: [number, number]): void {
  const { source, natAddress, peer, peerPort, protocol, zone, leases } = table;
  const { natPort, sourcePort, opened, closed } = table;
  const sameLength = [
    sameLengths([], { source, natAddress, peer, peerPort, protocol, zone, leases }, check),
    sameLengths([], { natPort, sourcePort, opened, closed }, check, "natPort"),
  ];
  if (sameLength.includes(false)) return;
  const held = sum(leases);
  if (held !== natPort.length)
    return complain(check, ["leases"], `holders have ${held} leases, ${natPort.length} are listed`);
  checkPortsLeased(table, check, ports);
}

/** Whether all NAT ports, once added up, lie between two, and all source ports are ports. */
function checkPortsLeased(
  { leases, natPort, sourcePort }: Table,
  check: Check,
  [low, high]: [number, number],
) {
  let row = 0;
  for (const held of leases) {
    let port = 0;
    for (const end = row + held; row < end; row++) {
      port += natPort[row] ?? 0;
      if (port < low || port > high)
        return complain(check, ["natPort", row], `makes port ${port}, not one from ${low} to ${high}`);
      const from = port + (sourcePort[row] ?? 0);
      if (from < 0 || from > MAX_PORT) return complain(check, ["sourcePort", row], `makes port ${from}`);
    }
  }
}

function checkPorts({ shares, ...table }: z.infer<typeof PortTable>, check: Check): void {
  const sameLength = [sameLengths([], table, check, "used"), sameLengths(["shares"], shares, check, "used")];
  if (sameLength.includes(false)) return;
  const stray = shares.row.findIndex((row) => row >= table.used.length);
  if (stray >= 0)
    return complain(
      check,
      ["shares", "row", stray],
      `refers to row ${shares.row[stray]} of ${table.used.length}`,
    );
  const shared = table.used.map(() => 0);
  for (const [at, row] of shares.row.entries()) shared[row] = (shared[row] ?? 0) + (shares.used[at] ?? 0);
  const row = shared.findIndex((used, row) => used > (table.used[row] ?? 0));
  if (row >= 0) complain(check, ["used", row], `is ${table.used[row]}, its shares add up to ${shared[row]}`);
}

/** Whether every address a table of leases or ports names is one of `size`. */
export function checkHolders(
  path: string[],
  table: { source?: readonly number[]; natAddress: readonly number[]; peer: readonly number[] },
  size: number,
  check: Check,
): void {
  inRange([...path, "source"], table.source ?? [], size, check);
  inRange([...path, "natAddress"], table.natAddress, size, check);
  inRange([...path, "peer"], table.peer, size, check);
}

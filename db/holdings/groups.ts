import { isFilter, matchingGroups } from "./filter.ts";
import type { FlowFilter } from "./filter.ts";
import { COUNTS } from "./holdings.ts";
import type { Amounts, Holdings } from "./holdings.ts";
import { NAT_CLASSES } from "../segment.ts";
import type { NatClass, Segment } from "../segment.ts";

/** All flows with the same ends and the same NAT. */
export type FlowGroup = {
  source: string;
  /** The far end after DNAT. */
  peer: string;
  /** 0 where the protocol has no ports. */
  peerPort: number;
  protocol: number;
  nat: NatClass;
  /** The address the peer sees; null without SNAT. */
  natAddress: string | null;
  /** Conntrack zone of the reply direction; 0 is the one all have that are in none. */
  zone: number;
};

const COLUMNS = ["entries", "unreplied", ...COUNTS] as const;
/** In no address. */
const BETWEEN = " ";

/** Flow groups of a window that match. */
export function flowGroups(segment: Segment, filter: FlowFilter): Holdings {
  const { groups, groupRemainder: rest } = segment;
  const rows = matchingGroups(segment, filter);
  const filtered = isFilter(filter);
  const columns: Holdings["columns"] = {};
  const total: Amounts = { rows: rows.length + (filtered ? 0 : rest.groups) };
  for (const measure of COLUMNS) {
    const values = groups[measure];
    if (!values) continue;
    const matching = rows.map((row) => values[row] ?? 0);
    columns[measure] = matching;
    total[measure] = matching.reduce((sum, value) => sum + value, filtered ? 0 : (rest[measure] ?? 0));
  }
  return {
    keys: rows.map((row) => keyOf(segment, row)),
    columns,
    total,
    ...foldedGroups(segment),
  };
}

/** What the flow groups of a window lack. */
export function foldedGroups({
  groupRemainder: rest,
  untracked = 0,
  error,
}: Segment): Pick<Holdings, "folded" | "blurred"> {
  return {
    folded: rest.groups > 0 || untracked > 0 ? rest.entries : undefined,
    blurred: untracked > 0 ? (error?.groups ?? untracked) : undefined,
  };
}

/** The opposite of the keys that flowGroups gives. */
export function flowGroupOf(key: string): FlowGroup {
  const [source = "", peer = "", peerPort, protocol, nat, natAddress, zone] = key.split(BETWEEN);
  return {
    source,
    peer,
    peerPort: Number(peerPort),
    protocol: Number(protocol),
    nat: NAT_CLASSES.find((known) => known === nat) ?? "none",
    natAddress: natAddress === "" || natAddress === undefined ? null : natAddress,
    zone: Number(zone),
  };
}

function keyOf({ addresses, groups }: Segment, row: number): string {
  const address = (index: number | null | undefined) => addresses[index ?? -1] ?? "";
  return [
    address(groups.source[row]),
    address(groups.peer[row]),
    groups.peerPort[row],
    groups.protocol[row],
    groups.nat[row],
    address(groups.natAddress[row]),
    groups.zone?.[row] ?? 0,
  ].join(BETWEEN);
}

import type { NatClass, Segment } from "../segment.ts";

/** What a flow group must be; undefined asks for nothing. Addresses in canonical form. */
export type FlowFilter = {
  source?: string | undefined;
  peer?: string | undefined;
  port?: number | undefined;
  protocol?: number | undefined;
  nat?: NatClass | undefined;
};

export function isFilter(filter: FlowFilter): boolean {
  return [filter.source, filter.peer, filter.port, filter.protocol, filter.nat].some(
    (part) => part !== undefined,
  );
}

/** Rows of the groups that match. */
export function matchingGroups({ addresses, groups }: Segment, filter: FlowFilter): number[] {
  const { source, peer, port, protocol, nat } = filter;
  const tests = [
    source === undefined ? undefined : atAddress(groups.source, addresses, source),
    peer === undefined ? undefined : atAddress(groups.peer, addresses, peer),
    port === undefined ? undefined : (row: number) => groups.peerPort[row] === port,
    protocol === undefined ? undefined : (row: number) => groups.protocol[row] === protocol,
    nat === undefined ? undefined : (row: number) => groups.nat[row] === nat,
  ].filter((test) => test !== undefined);
  return [...groups.source.keys()].filter((row) => tests.every((test) => test(row)));
}

/** Compares texts, not indexes: nothing forbids a report to list an address twice. */
function atAddress(column: readonly number[], addresses: readonly string[], address: string) {
  return (row: number) => addresses[column[row] ?? -1] === address;
}

import type { Flows, LeaseKeyframe } from "../../api/wire.ts";

type Leases = Omit<LeaseKeyframe, "takenAt" | "part" | "parts" | "fromPort" | "toPort"> & {
  closed?: (number | null)[];
};

/** One lease, with addresses for indexes and ports for differences. */
export interface Lease {
  /** NAT address:port protocol peer:port source:port. */
  text: string;
  zone: number;
  opened: number | null;
  /** Undefined in a keyframe, which has no ends. */
  closed: number | null | undefined;
}

/** The rows of a table of leases. */
export function decodeLeases({ addresses }: Pick<Flows, "addresses">, table: Leases): Lease[] {
  const rows: Lease[] = [];
  let at = 0;
  for (const [holder, count] of table.leases.entries()) {
    const address = (column: readonly number[]) => addresses[column[holder] ?? -1];
    let port = 0;
    for (let i = 0; i < count; i += 1, at += 1) {
      port += table.natPort[at] ?? 0;
      const peer = `${address(table.peer)}:${table.peerPort[holder]}`;
      const source = `${address(table.source)}:${port + (table.sourcePort[at] ?? 0)}`;
      rows.push({
        text: `${address(table.natAddress)}:${port} ${table.protocol[holder]} ${peer} ${source}`,
        zone: table.zone?.[holder] ?? 0,
        opened: table.opened[at] ?? null,
        closed: table.closed?.[at],
      });
    }
  }
  return rows;
}

/** The rows of a table of leases, as text: NAT address:port protocol peer:port source:port opened closed. */
export const leasesOf = (flows: Flows, table: Leases): string[] =>
  decodeLeases(flows, table).map(({ text, opened, closed }) =>
    [text, opened, ...(closed === undefined ? [] : [closed])].map(String).join(" "),
  );

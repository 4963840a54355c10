import type { Flows, LeaseKeyframe } from "../../api/wire.ts";

type Leases = Omit<LeaseKeyframe, "takenAt" | "part" | "parts" | "fromPort" | "toPort"> & {
  closed?: (number | null)[];
};

/** The rows of a table of leases, as text: NAT address:port protocol peer:port source:port opened closed. */
export function leasesOf({ addresses }: Flows, table: Leases): string[] {
  const rows: string[] = [];
  let at = 0;
  for (const [holder, count] of table.leases.entries()) {
    const address = (column: readonly number[]) => addresses[column[holder] ?? -1];
    let port = 0;
    for (let i = 0; i < count; i += 1, at += 1) {
      port += table.natPort[at] ?? 0;
      const peer = `${address(table.peer)}:${table.peerPort[holder]}`;
      const source = `${address(table.source)}:${port + (table.sourcePort[at] ?? 0)}`;
      const times = [table.opened[at], ...(table.closed ? [table.closed[at]] : [])];
      rows.push(
        [
          `${address(table.natAddress)}:${port}`,
          table.protocol[holder],
          peer,
          source,
          ...times.map(String),
        ].join(" "),
      );
    }
  }
  return rows;
}

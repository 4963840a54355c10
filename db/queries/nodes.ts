import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";

/** A node as its latest window describes it. Null where nobody knows. Times in epoch ms. */
export type Node = {
  name: string;
  addresses: string[];
  bootId: string | null;
  agent: string;
  kernel: string;
  /** What the source could not see, in words. */
  blind: string[];
  source: string | null;
  events: "off" | "complete" | "lossy" | null;
  interrupted: boolean | null;
  unreadableLines: number | null;
  /** Times the kernel lost events. */
  overruns: number | null;
  /** How flows that began and ended were counted. */
  opened: "events" | "dumps" | null;
  untracked: number | null;
  older: number | null;
  forgotten: number | null;
  firstSeenAt: number;
  /** When the service received the report of the latest window. */
  lastSeenAt: number | null;
  /** The latest window. */
  windowFrom: number | null;
  windowTo: number | null;
  count: number | null;
  max: number | null;
  buckets: number | null;
  entries: number | null;
  unreplied: number | null;
  /** count / max, 0..1 (more where the limit was lowered). */
  utilisation: number | null;
};

type Row = Omit<Node, "addresses" | "blind" | "interrupted"> & {
  addresses: string;
  blind: string;
  interrupted: number | null;
};

/** Nodes of a cluster by name, those after `after`, at most `limit`. */
export async function nodesIn(
  db: Db,
  clusterId: number,
  page: { after?: string | undefined; limit: number },
): Promise<Node[]> {
  const rows = await db.all<Row>(sql`
    select n.name, n.addresses, b.boot_id as bootId, n.agent, n.kernel, n.blind, s.source, s.events, s.interrupted,
      s.unreadable_lines as unreadableLines, s.overruns, s.opened_by as opened, s.untracked, s.older, s.forgotten, n.first_seen_at as firstSeenAt, s.received_at as lastSeenAt,
      s.start as windowFrom, s.end as windowTo, s.count, s.max, s.buckets, s.entries, s.unreplied,
      coalesce(s.count, s.entries) * 1.0 / nullif(s.max, 0) as utilisation
    from nodes n
    left join samples s on s.cluster_id = n.cluster_id and s.tier = 0 and s.node_id = n.id
      and (s.start, s.boot, s.sequence) = (
        select start, boot, sequence from samples
        where cluster_id = n.cluster_id and tier = 0 and node_id = n.id
        order by start desc, boot desc, sequence desc limit 1)
    left join boots b on b.id = s.boot
    where n.cluster_id = ${clusterId} and n.name > ${storable(page.after ?? "")}
    order by n.name
    limit ${page.limit}`);
  return rows.map((row) => ({
    ...row,
    addresses: JSON.parse(row.addresses) as string[],
    blind: JSON.parse(row.blind) as string[],
    interrupted: row.interrupted === null ? null : row.interrupted === 1,
  }));
}

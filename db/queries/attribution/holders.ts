import { sql } from "drizzle-orm";
import type { Holder } from "../../attribution/holders.ts";
import type { Db } from "../../client.ts";
import { jsonChunks } from "../../facts/chunks.ts";
import { type Holding, identityOf, type Kept } from "../../facts/holding.ts";
import { NodeBook } from "../../facts/node-book.ts";
import { ServiceBook } from "../../facts/service-book.ts";
import { WINDOW } from "../../tiers.ts";
import { ALL_NODES, type Listing, listingsFrom } from "../facts/read.ts";
import { heldUntil } from "../held-until.ts";
import type { AddressPlace } from "../node-addresses.ts";
import type { Said, Unseen } from "./unseen.ts";

/** Who held an address, as far back as can matter to a lease: an address is rarely given to so many. */
const MAX_HOLDERS = 1000;

export type AddressOf = { clusterId: number; address: string };

type Row = Kept & {
  clusterId: number;
  nodeId: number;
  node: string | null;
  /** `until`, or the last window of a node that is gone. */
  held: number | null;
  /** The last list of all before an end that no report says. */
  listedAt: number | null;
  /** The end of the last window before such an end. */
  quietUntil: number | null;
  /** The last list before one was heard of. */
  lackedAt: number | null;
};

/** Who held the addresses, by `keyOf`; what no tick has taken over of some nodes is added. */
export async function holdersOf(
  db: Db,
  addresses: readonly AddressOf[],
  { unseen, now, nameOf }: { unseen: Unseen; now: number; nameOf: (nodeId: number) => string | null },
): Promise<Map<string, Holder[]>> {
  const rows = Map.groupBy(await rowsOf(db, addresses, now), keyOf);
  const found = new Map<string, Holder[]>();
  const lists = await listingsOf(db, unseen);
  for (const one of addresses) {
    const known = rows.get(keyOf(one)) ?? [];
    const all = withUnseen(one, known, { unseen, lists, nameOf });
    found.set(
      keyOf(one),
      all.filter(({ since, held }) => held === null || held > since).map((row) => toHolder(row)),
    );
  }
  return found;
}

export const keyOf = ({ clusterId, address }: AddressOf): string => `${clusterId} ${address}`;

const toHolder = (row: Row): Holder => ({
  kind: row.kind,
  namespace: row.namespace,
  name: row.name,
  uid: row.uid,
  workloadKind: row.workloadKind,
  workload: row.workload,
  node: row.node,
  since: row.since,
  until: row.held,
  address: row.address,
  confirmedUntil: row.absent ? Math.max(row.saidAt, row.listedAt ?? 0) : null,
  quietUntil: row.quietUntil ?? undefined,
  found: isFound(row) ? { lackedAt: row.lackedAt ?? 0, at: row.saidAt } : undefined,
  told: { nodeId: row.nodeId, source: row.source, end: row.until !== null && !row.absent },
});

/** Of a holding whose end is told the last word is that, and the first is not known. */
const isFound = ({ since, until, absent, kind }: Row): boolean =>
  since === 0 && (until === null || absent) && kind !== "service" && kind !== "host";

/** A node that lists an address as its own, and says no more of it. */
export const hostOf = ({ since, until }: AddressPlace, name: string): Holder => ({
  kind: "host",
  namespace: "",
  name,
  uid: "",
  workloadKind: "",
  workload: "",
  node: name,
  since,
  until,
  address: "",
  confirmedUntil: null,
});

async function rowsOf(db: Db, addresses: readonly AddressOf[], now: number): Promise<Row[]> {
  const found: Row[] = [];
  for (const chunk of jsonChunks(addresses.map(({ clusterId, address }) => [clusterId, address]))) {
    const rows = await db.all<Omit<Row, "absent"> & { absent: number }>(sql`
      select o.cluster_id as clusterId, o.node_id as nodeId, n.name as node, o.address, o.kind, o.namespace, o.name,
        o.uid, o.workload_kind as workloadKind, o.workload, o.source, o.since, o.until, o.said_at as saidAt, o.absent,
        ${heldUntil(now)} as held,
        (select max(l.at) from listings l
          where o.absent and l.cluster_id = o.cluster_id and l.node_id = o.node_id and l.owners and l.at < o.until)
          as listedAt,
        (select s.end from samples s
          where o.absent and s.cluster_id = o.cluster_id and s.tier = ${WINDOW} and s.node_id = o.node_id
            and s.start < o.until order by s.start desc, s.boot desc, s.sequence desc limit 1) as quietUntil,
        (select max(l.at) from listings l
          where o.since = 0 and l.cluster_id = o.cluster_id and l.node_id = o.node_id and l.owners
            and l.at < o.said_at) as lackedAt
      from json_each(${chunk}) w
      cross join owners o on o.id in (
        select id from owners where cluster_id = w.value ->> 0 and address = w.value ->> 1
        order by since desc limit ${MAX_HOLDERS})
      left join nodes n on n.id = o.node_id`);
    for (const { absent, ...row } of rows) found.push({ ...row, absent: absent === 1 });
  }
  return found;
}

async function listingsOf(db: Db, { said }: Unseen): Promise<Listing[]> {
  const lists: Listing[] = [];
  for (const [clusterId, nodes] of Map.groupBy(said, (one) => one.clusterId)) {
    const from = nodes.map((one) => ({
      nodeId: one.nodeId,
      from: Math.min(...one.said.map(({ at }) => at)),
    }));
    lists.push(...(await listingsFrom(db, clusterId, from)));
  }
  return lists;
}

type Beside = { unseen: Unseen; lists: readonly Listing[]; nameOf: (nodeId: number) => string | null };

/** The same as a tick makes of it, of one address alone: what is said of others does not change it. */
function withUnseen(one: AddressOf, known: readonly Row[], { unseen, lists, nameOf }: Beside): Row[] {
  const ofCluster = unseen.said.filter(({ clusterId }) => clusterId === one.clusterId);
  if (ofCluster.length === 0) return [...known];
  const rows = new Map(known.map((row) => [rowKey(row.nodeId, row), row]));
  const services = new ServiceBook(known.filter(({ nodeId }) => nodeId === ALL_NODES));
  const take = (nodeId: number, node: string | null, changed: readonly Kept[]) => {
    for (const row of changed)
      rows.set(rowKey(nodeId, row), {
        ...row,
        clusterId: one.clusterId,
        nodeId,
        node,
        held: row.until,
        listedAt: rows.get(rowKey(nodeId, row))?.listedAt ?? null,
        quietUntil: rows.get(rowKey(nodeId, row))?.quietUntil ?? null,
        lackedAt: rows.get(rowKey(nodeId, row))?.lackedAt ?? null,
      });
  };
  for (const { nodeId, said } of ofCluster) {
    const own = known.filter((row) => row.nodeId === nodeId);
    const listed = lists.filter((list) => list.nodeId === nodeId && list.owners === 1).map(({ at }) => at);
    take(
      nodeId,
      nameOf(nodeId),
      bookOf(own, listed, { said, services, address: one.address }).changes().rows,
    );
  }
  take(ALL_NODES, null, services.changes());
  return [...rows.values()];
}

const rowKey = (nodeId: number, holding: Holding): string => `${nodeId} ${identityOf(holding)}`;

function bookOf(
  known: readonly Kept[],
  lists: readonly number[],
  { said, services, address }: { said: readonly Said[]; services: ServiceBook; address: string },
): NodeBook {
  const book = new NodeBook(known, lists);
  for (const { at, words } of said) {
    const holdings = words.holdings.filter((holding) => holding.address === address);
    const isService = ({ kind }: Holding) => kind === "service";
    book.hear(at, { ...words, holdings: holdings.filter((holding) => !isService(holding)) });
    for (const service of holdings.filter(isService)) services.hear(at, service);
  }
  return book;
}

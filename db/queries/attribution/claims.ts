import { sql } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { jsonChunks } from "../../facts/chunks.ts";
import { merged } from "../../facts/holding.ts";
import { WINDOW } from "../../tiers.ts";
import { ALL_NODES } from "../facts/read.ts";
import type { AskedNode } from "./places.ts";
import type { Unseen } from "./unseen.ts";

/** That somebody, or nobody who is known, held an address at an instant. */
export type Claim = {
  clusterId: number;
  /** Whose word it is; of nobody that of the node that was asked, of a service that of ALL_NODES. */
  nodeId: number;
  address: string;
  at: number;
  /** Undefined where it is nobody's. */
  holding?: { source: string; until: number | null; isEndTold: boolean };
};

/**
 * An agent knows who holds an address so long after it was given at most. The kubelet writes the status of a Pod some seconds after
 * its address works, more on a busy node, and the API server tells it at once.
 */
const KUBERNETES_LAG_MS = 30_000;
/** The daemon tells each change when it makes it, and the agent asks for what it is. */
const DOCKER_LAG_MS = 10_000;
/** A file is looked at every five seconds. */
const FILE_LAG_MS = 10_000;

/** How late an agent that learns from there may know who holds an address, in ms. */
export const lagOf = (source: string): number =>
  ({ docker: DOCKER_LAG_MS, file: FILE_LAG_MS })[source] ?? KUBERNETES_LAG_MS;

/** Lists of all owners come every ten minutes, or with the report after. */
const LIST_MS = 720_000;
/** An end that is told in whole seconds may be so much earlier. */
const END_MS = 3_000;

type Known = { unseen: Unseen; nodes: ReadonlyMap<number, AskedNode> };

/** A claim, and the lists of its node next to its instant. */
type Listed = {
  claim: Claim;
  /** Of the claim's last instant that counts: so much later its node knew. */
  until: number;
  before: number | null;
  after: number | null;
  hasOwners: boolean;
  isNear: boolean;
  isHeard: boolean;
};

/** Which of the claims no report can contradict any more, whatever is still to come; in their order. */
export async function standing(db: Db, claims: readonly Claim[], known: Known): Promise<boolean[]> {
  const all = await listedOf(db, claims, known);
  const open = all.filter((one) => byItself(one, known) === undefined);
  const runs = await runsOf(db, open, known.unseen);
  return all.map((one) => byItself(one, known) ?? isCovered(one, runs));
}

/** What needs no look at windows. */
function byItself(one: Listed, { unseen, nodes }: Known): boolean | undefined {
  const { claim, until } = one;
  const { clusterId, nodeId, holding } = claim;
  const scanned = unseen.firstOf(clusterId);
  if (nodeId === ALL_NODES) return one.isHeard && scanned >= until;
  const known = holding ? isTold(one, holding) || undefined : isNobodys(one, scanned);
  if (known !== undefined) return known;
  const unknownFrom = unseen.unknownFrom.get(nodeId) ?? Number.POSITIVE_INFINITY;
  const looked = nodes.has(nodeId) ? unknownFrom : scanned;
  return one.before === null || looked < until ? false : undefined;
}

/** Any node may have it, where its neighbours are Pods of the cluster. */
function isNobodys({ until, isNear, hasOwners }: Listed, scanned: number): boolean | undefined {
  if (isNear || scanned < until) return false;
  return hasOwners ? undefined : true;
}

/** Its end is told, or it is in a list that was made when its node knew who had the address at the claim's instant. */
function isTold({ claim, after }: Listed, { until, isEndTold }: NonNullable<Claim["holding"]>): boolean {
  if (until === null) return after !== null;
  return (isEndTold && until >= claim.at + END_MS) || (after !== null && until > after);
}

/** Without a gap the node's reports tell of every change since a list, and long enough. */
const isCovered = ({ claim, before, until }: Listed, runs: readonly Run[]): boolean =>
  runs.some(
    ({ nodeId, from, to }) => nodeId === claim.nodeId && before !== null && from <= before && to >= until,
  );

type ListedRow = {
  claim: number;
  before: number | null;
  after: number | null;
  source: string | null;
  isNear: number;
  isHeard: number;
  isDoubted: number;
};

async function listedOf(db: Db, claims: readonly Claim[], known: Known): Promise<Listed[]> {
  const found: Listed[] = [];
  const keys = claims.map(({ clusterId, nodeId, at, address, holding }, i) => {
    const begin = holding ? "" : networkOf(address);
    return [i, clusterId, nodeId, at, at + lagOf(holding?.source ?? ""), begin, holding ? 1 : 0];
  });
  for (const chunk of jsonChunks(keys)) {
    const rows = await db.all<ListedRow>(sql`
      with claims as (
        select value ->> 0 as claim, value ->> 1 as cluster, value ->> 2 as node, value ->> 3 as at,
          value ->> 4 as known, value ->> 5 as network, value ->> 6 as held
        from json_each(${chunk}))
      select c.claim,
        (select max(l.at) from listings l where l.cluster_id = c.cluster and l.node_id = c.node and l.owners
          and l.at <= c.at and l.at > c.at - ${LIST_MS}) as before,
        (select l.at from listings l where l.cluster_id = c.cluster and l.node_id = c.node and l.owners
          and l.at >= c.known order by l.at limit 1) as after,
        iif(c.held, null, coalesce(
          (select source from owners o where o.cluster_id = c.cluster and o.node_id = c.node limit 1),
          (select source from owners o where o.cluster_id = c.cluster limit 1))) as source,
        not c.held and exists (select 1 from owners o where o.cluster_id = c.cluster and o.kind = 'pod'
          and o.address >= c.network and o.address < c.network || 'g') as isNear,
        c.node = ${ALL_NODES} and exists (
          select 1 from nodes n
          cross join samples s on s.cluster_id = n.cluster_id and s.tier = ${WINDOW} and s.node_id = n.id
            and s.start >= c.known
          cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
            and g.sequence = s.sequence
          where n.cluster_id = c.cluster and g.id <= ${known.unseen.until}) as isHeard,
        exists (select 1 from listings l where l.cluster_id = c.cluster and l.node_id = c.node and not l.owners
          and l.at > c.at - ${LIST_MS} and l.at < c.known) as isDoubted
      from claims c order by c.claim`);
    for (const row of rows) found.push(toListed(row, claims[row.claim] as Claim, known.unseen));
  }
  return found;
}

/** Lists that no tick took over count as well. */
function toListed({ before, after, source, ...row }: ListedRow, claim: Claim, { said }: Unseen): Listed {
  const until = claim.at + lagOf(claim.holding?.source ?? source ?? "");
  const words = said.filter(({ nodeId }) => nodeId === claim.nodeId).flatMap((one) => one.said);
  const lists = words.filter(({ words }) => words.complete).map(({ at }) => at);
  const earlier = lists.filter((at) => at <= claim.at);
  const later = lists.filter((at) => at >= until);
  return {
    claim,
    until,
    before: greatest([...earlier, ...(before === null ? [] : [before])]),
    after: least([...later, ...(after === null ? [] : [after])]),
    hasOwners: source !== null || words.length > 0 || row.isDoubted === 1,
    isNear: row.isNear === 1,
    isHeard: row.isHeard === 1,
  };
}

const greatest = (instants: readonly number[]): number | null =>
  instants.length > 0 ? Math.max(...instants) : null;
const least = (instants: readonly number[]): number | null =>
  instants.length > 0 ? Math.min(...instants) : null;

/**
 * The text that addresses near this one begin with: of IPv4 16 bits, which Pods of a cluster have in common; of IPv6 as many of the
 * first three groups as no form of the text leaves out.
 */
function networkOf(address: string): string {
  const network = /^\d+\.\d+\.|^(?:[1-9a-f][0-9a-f]*:){1,3}/.exec(address);
  return network?.[0] ?? "";
}

type Run = { nodeId: number; from: number; to: number };

/** Windows of a node that follow each other without a gap, joined; one in which its agent heard of no changes is a gap. */
async function runsOf(db: Db, open: readonly Listed[], { until, said }: Unseen): Promise<Run[]> {
  const doubts = said.flatMap(({ nodeId, said }) =>
    said.filter(({ words }) => words.doubtful).map(({ at }) => `${nodeId} ${at}`),
  );
  const ranges = [...Map.groupBy(open, ({ claim }) => claim.nodeId)].flatMap(([nodeId, all]) =>
    merged(all.map((one) => ({ from: one.before ?? one.until, to: one.until }))).map(({ from, to }) => [
      all[0]?.claim.clusterId,
      nodeId,
      from,
      to,
    ]),
  );
  if (ranges.length === 0) return [];
  return db.all<Run>(sql`
    with windows as (
      select r.key as range, s.node_id, s.start, s."end", s.boot, s.sequence,
        lag(s."end") over steps is s.start and lag(s.sequence) over steps is s.sequence - 1 as follows
      from json_each(${JSON.stringify(ranges)}) r
      cross join samples s on s.cluster_id = r.value ->> 0 and s.tier = ${WINDOW} and s.node_id = r.value ->> 1
        and s.start >= r.value ->> 2 and s.start < r.value ->> 3
      cross join segments g on g.cluster_id = s.cluster_id and g.node_id = s.node_id and g.boot = s.boot
        and g.sequence = s.sequence
      where g.id <= ${until}
        and not exists (select 1 from listings l where l.cluster_id = s.cluster_id and l.node_id = s.node_id
          and l.at = s.start and not l.owners)
        and s.node_id || ' ' || s.start not in (select value from json_each(${JSON.stringify(doubts)}))
      window steps as (partition by r.key, s.boot order by s.sequence, s.start)
    ), runs as (
      select *, sum(not follows) over (partition by range, boot order by sequence, start) as run from windows
    )
    select node_id as nodeId, min(start) as "from", max("end") as "to" from runs group by range, boot, run`);
}

import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import {
  type Change,
  changesOf,
  Contents,
  inventory,
  type KeyValues,
  type NodeHistory,
} from "../facts/inventory.ts";
import { storable } from "../text.ts";
import { LAST_SEEN, stateAt, WITH_LATEST_WINDOW } from "./nodes.ts";

export type { Change, HeldValue, KeyKind, KeyValues } from "../facts/inventory.ts";

/** A node that said nothing for so long has nothing set now; shorter silences are outages. */
export const GONE_AFTER_MS = 86_400_000;
/** Changes of a node that are looked at for since when it has a value: enough for any but one that changes all the time. */
export const CHANGES_A_NODE = 32;
/** Changes of nodes that are looked through for those of one key: an answer reads no more than some 20 MB. */
export const MAX_CHANGES_READ = 2_000;
/** A content has some 4 kB, and at most 100 kB. */
const CONTENTS_A_PAGE = 100;

export type Narrowed = { node?: string | undefined; key?: string | undefined };

/** What the nodes of a cluster are set to now, without those that are retired or gone; see inventory. */
export async function settingsNow(
  db: Db,
  clusterId: number,
  { node, key, now }: Narrowed & { now: number },
): Promise<{ nodes: number; keys: KeyValues[] }> {
  const named = node === undefined ? sql`` : sql`and n.name = ${storable(node)}`;
  const rows = await db.all<{ node: string; at: number; settingsId: number }>(sql`
    with here as (
      select n.id, n.name, ${stateAt(now)} as state, ${LAST_SEEN} as seen
      from nodes n ${WITH_LATEST_WINDOW}
      where n.cluster_id = ${clusterId} ${named}
    )
    select here.name as node, s.at, s.settings_id as settingsId
    from here
    cross join node_settings s on s.cluster_id = ${clusterId} and s.node_id = here.id and s.at >= coalesce((
      select at from node_settings where cluster_id = ${clusterId} and node_id = here.id
      order by at desc limit 1 offset ${CHANGES_A_NODE - 1}), 0)
    where here.state <> 'retired' and here.seen > ${now - GONE_AFTER_MS}
    order by here.name, s.at`);
  const contents = await contentsOf(
    db,
    rows.map(({ settingsId }) => settingsId),
    key,
  );
  const nodes = historiesOf(rows);
  return { nodes: nodes.length, keys: inventory(nodes, contents) };
}

function historiesOf(rows: readonly { node: string; at: number; settingsId: number }[]): NodeHistory[] {
  const nodes = new Map<string, { at: number; settingsId: number }[]>();
  for (const { node, ...row } of rows) nodes.set(node, [...(nodes.get(node) ?? []), row]);
  return [...nodes].map(([node, rows]) => ({ node, rows }));
}

type ChangedRow = { node: string; at: number; before: number | null; after: number };

/** What was set otherwise within [from, to), the newest first; `more` where there may be older changes within it. */
export async function settingsChanges(
  db: Db,
  clusterId: number,
  { node, key, from, to, limit }: Narrowed & { from: number; to: number; limit: number },
): Promise<{ changes: Change[]; more: boolean }> {
  const named = node === undefined ? sql`` : sql`and n.name = ${storable(node)}`;
  // Where no key is asked for, each row of a node is a change at least.
  const most = key === undefined ? limit + 1 : MAX_CHANGES_READ;
  const rows = await db.all<ChangedRow>(sql`
    select * from (
      select n.name as node, s.at, s.settings_id as after, (
        select settings_id from node_settings
        where cluster_id = s.cluster_id and node_id = s.node_id and at < s.at order by at desc limit 1) as before
      from nodes n
      cross join node_settings s on s.cluster_id = n.cluster_id and s.node_id = n.id
        and s.at >= ${from} and s.at < ${to}
      where n.cluster_id = ${clusterId} ${named})
    where before is not null
    order by at desc, node
    limit ${most}`);
  const contents = await contentsOf(
    db,
    rows.flatMap(({ before, after }) => [before ?? after, after]),
    key,
  );
  const changes = rows.flatMap(({ node, at, before, after }) =>
    changesOf({ node, at, before: before ?? after, after }, contents),
  );
  return { changes: changes.slice(0, limit), more: changes.length > limit || rows.length === most };
}

async function contentsOf(db: Db, ids: readonly number[], key: string | undefined): Promise<Contents> {
  const contents = new Contents(key);
  const wanted = [...new Set(ids)];
  for (let at = 0; at < wanted.length; at += CONTENTS_A_PAGE) {
    const page = JSON.stringify(wanted.slice(at, at + CONTENTS_A_PAGE));
    const rows = await db.all<{ id: number; content: string }>(sql`
      select id, content from settings where id in (select value from json_each(${page}))`);
    for (const { id, content } of rows) contents.add(id, content);
  }
  return contents;
}

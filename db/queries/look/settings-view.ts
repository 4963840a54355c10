import { sql } from "drizzle-orm";
import type { Db } from "../../client.ts";
import { isRecord } from "../../facts/words.ts";
import type { NodeView, SettingsView } from "../../look.ts";

/** A content has some 4 kB, and at most 100 kB. */
const CONTENTS_A_PAGE = 100;

type Row = { nodeId: number; at: number; settingsId: number };
type Content = Pick<SettingsView, "sysctls" | "cores">;

/** What these nodes are set to, since when, and what it was before. */
export async function settingsViews(
  db: Db,
  clusterId: number,
  nodes: readonly Pick<NodeView, "nodeId" | "node">[],
): Promise<SettingsView[]> {
  const rows = await db.all<Row>(sql`
    select s.node_id as nodeId, s.at, s.settings_id as settingsId
    from json_each(${JSON.stringify(nodes.map(({ nodeId }) => nodeId))}) n
    cross join node_settings s on s.cluster_id = ${clusterId} and s.node_id = n.value and s.at >= coalesce((
      select at from node_settings where cluster_id = ${clusterId} and node_id = n.value
      order by at desc limit 1 offset 1), 0)
    order by s.node_id, s.at`);
  const contents = await contentsOf(db, new Set(rows.map(({ settingsId }) => settingsId)));
  const byNode = Map.groupBy(rows, ({ nodeId }) => nodeId);
  return nodes.flatMap(({ nodeId, node }) => {
    const [before, after] = byNode.get(nodeId) ?? [];
    const last = after ?? before;
    const content = last && contents.get(last.settingsId);
    if (!content) return [];
    const old = after && before && contents.get(before.settingsId);
    return [{ node, nodeId, since: last.at, ...content, before: old?.sysctls }];
  });
}

async function contentsOf(db: Db, ids: ReadonlySet<number>): Promise<Map<number, Content>> {
  const contents = new Map<number, Content>();
  const wanted = [...ids];
  for (let at = 0; at < wanted.length; at += CONTENTS_A_PAGE) {
    const page = JSON.stringify(wanted.slice(at, at + CONTENTS_A_PAGE));
    const rows = await db.all<{ id: number; content: string }>(sql`
      select id, content from settings where id in (select value from json_each(${page}))`);
    for (const { id, content } of rows) contents.set(id, contentOf(content));
  }
  return contents;
}

/** `content` as readSettings of facts/settings.ts makes it. */
function contentOf(content: string): Content {
  const { sysctls, cores } = JSON.parse(content) as Record<string, unknown>;
  return {
    sysctls: isRecord(sysctls) ? (sysctls as Record<string, string>) : {},
    cores: typeof cores === "number" ? cores : undefined,
  };
}

import type { ClusterView } from "../../db/look.ts";
import { loadClusterView } from "../../db/queries/cluster-view.ts";
import { type Cluster, listClusters } from "../../db/queries/clusters.ts";
import { settleSilences } from "../../db/queries/silences.ts";
import { markUntold, worseUnheard } from "../../db/queries/untold.ts";
import { holds, takeWatch, WATCH_EVERY_MS, whileClusterIs } from "../../db/queries/upkeep/judge.ts";
import { forgetWatches, watchesBeside, watchesOfNodes } from "../../db/queries/watches.ts";
import { type Change, judgeCluster } from "../alerts/engine.ts";
import type { InForce } from "../alerts/in-force.ts";
import { expire, STALE_MS } from "../alerts/life.ts";
import { channelsFor } from "../alerts/listeners.ts";
import { rulesInForce } from "./in-force.ts";
import type { Judging } from "./judging.ts";
import { Ledger } from "./ledger.ts";
import { type OpenOne, type Surroundings, surroundingsOf } from "./surroundings.ts";
import { write } from "./write.ts";

/** What a look at the clusters did. stopped: those that are left have their turn in a minute. */
export type WatchedClusters = { end: "done" | "stopped"; events: number };

/**
 * Once a minute, judges each cluster as a whole, lets go of what no window will end, and tells of what is muted no more. Where it is
 * killed, it is a minute later that the next one looks: what is wrong is wrong still.
 */
export async function watchClusters(judging: Judging): Promise<WatchedClusters> {
  const { db, lease, now, goesOn } = judging;
  const since = await takeWatch(db, now(), lease);
  if (since === undefined) return { end: "done", events: 0 };
  const [first, ...others] = settleSilences(now(), lease).map((statement) => db.run(statement));
  if (first) await db.batch([first, ...others]);
  await markUntold(db, await channelsFor(db), now());
  let events = 0;
  for (const cluster of inTurn(await listClusters(db), now())) {
    if (!(await goesOn())) return { end: "stopped", events };
    events += await watchCluster(judging, cluster, since);
  }
  return { end: "done", events };
}

/** Where there is time for some only, it is others each time. */
function inTurn(clusters: readonly Cluster[], now: number): Cluster[] {
  const first = Math.floor(now / WATCH_EVERY_MS) % Math.max(1, clusters.length);
  return [...clusters.slice(first), ...clusters.slice(0, first)];
}

async function watchCluster(judging: Judging, { id }: Cluster, watchedSince: number): Promise<number> {
  const { db, now, hours, lease } = judging;
  const at = now();
  const surroundings = surroundingsOf(db, at);
  const ledger = new Ledger(db, at, surroundings);
  const rules = (await rulesInForce(judging, [id])).get(id);
  if (!rules) return 0;
  const view = await loadClusterView(db, id, { now: at, watchedSince, cache: hours });
  await judgeWhole({ judging, ledger, rules }, id, view);
  await endSilent(judging, { ledger, open: await surroundings.open(id) }, view);
  await settle(judging, { ledger, surroundings }, { clusterId: id, at });
  const guard = whileClusterIs(id, lease);
  await write(judging, ledger, { guard, first: holds(guard), others: [forgetWatches(id, at, guard)] });
  return ledger.events.length;
}

/** Judges the cluster, and ends what lives by rules that are off, of its nodes too. */
async function judgeWhole(
  { judging, ledger, rules }: { judging: Judging; ledger: Ledger; rules: InForce },
  clusterId: number,
  view: ClusterView,
): Promise<void> {
  const beside = rules.node.map(({ rule }) => rule.name);
  const watches = await watchesBeside(judging.db, clusterId, beside);
  ledger.remember(watches);
  const nodeOf = new Map(
    watches.map(({ rule, subject, nodeId }) => [JSON.stringify([rule, subject]), nodeId]),
  );
  const nodeIds = new Set([0, ...nodeOf.values()]);
  const lives = [...nodeIds].flatMap((nodeId) => ledger.lives(clusterId, nodeId));
  const changes = Map.groupBy(
    judgeCluster(view, rules, lives),
    ({ rule, subject }) => nodeOf.get(JSON.stringify([rule, subject.key])) ?? 0,
  );
  for (const [nodeId, ofNode] of changes) await ledger.apply(clusterId, nodeId, ofNode);
}

/** What is open on a node that is silent or retired goes stale, and ends in the end. */
async function endSilent(
  { db, now }: Judging,
  { ledger, open }: { ledger: Ledger; open: readonly OpenOne[] },
  view: ClusterView,
): Promise<void> {
  const at = now();
  // By the service's clock: that of the node may be slow.
  const lastTo = new Map(view.nodes.map(({ nodeId, lastSeenAt }) => [nodeId, lastSeenAt]));
  const ofNodes = open.filter(({ nodeId }) => nodeId !== 0);
  const silent = new Map(
    ofNodes
      .filter(({ nodeId }) => at - (lastTo.get(nodeId) ?? Number.NEGATIVE_INFINITY) >= STALE_MS)
      .map(({ clusterId, nodeId }) => [nodeId, { clusterId, nodeId }]),
  );
  ledger.remember(await watchesOfNodes(db, [...silent.values()]));
  for (const { clusterId, nodeId } of silent.values()) {
    const node = { retired: !lastTo.has(nodeId), lastWindowTo: lastTo.get(nodeId) };
    const changes = ledger.lives(clusterId, nodeId).flatMap(({ rule, subject, life }): Change[] => {
      const step = expire(life, at, node);
      if (!step.changed) return [];
      const { severity } = life;
      return [
        {
          rule,
          ruleVersion: "",
          subject,
          before: life,
          finding: { verdict: "unknown" },
          at,
          severity,
          ...step,
        },
      ];
    });
    await ledger.apply(clusterId, nodeId, changes);
  }
}

/** Tells of what is no longer muted, and notes what is muted by now. */
async function settle(
  { db }: Judging,
  { ledger, surroundings }: { ledger: Ledger; surroundings: Surroundings },
  { clusterId, at }: { clusterId: number; at: number },
): Promise<void> {
  let worse: Set<number> | undefined;
  for (const open of await surroundings.open(clusterId)) {
    const muted = await surroundings.mutedBy(open);
    if (muted === open.muted) continue;
    ledger.mute({ anomalyId: open.id, muted: open.muted ?? null }, muted);
    if (muted) continue;
    // Who was told of it before something greater hid it has been told, but for what got worse since.
    if (open.muted === "inhibited" && open.announced) {
      worse ??= await worseUnheard(db, clusterId);
      if (!worse.has(open.id)) continue;
    }
    const { id, rule, severity } = open;
    ledger.event({
      anomalyId: id,
      clusterId,
      rule,
      at,
      recordedAt: at,
      transition: "unmuted",
      severity,
      muted: null,
    });
  }
}

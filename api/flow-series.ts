import type { Db } from "../db/client.ts";
import type { Cluster } from "../db/queries/clusters.ts";
import { flowSeries } from "../db/queries/flow-series.ts";
import { topTalkers } from "../db/queries/talkers.ts";
import type { By, Filter } from "../db/talkers/source.ts";
import type { Piece } from "../db/plan.ts";
import { earliestFolded } from "./fleet.ts";
import { inTurn } from "./in-turn.ts";
import type { FlowQuestion, Series } from "./series-query.ts";
import type { Steps } from "./step.ts";
import { namesOf } from "./talker-rows.ts";

type Labels = Record<string, string | number>;
type Asked = Omit<FlowQuestion, keyof Steps> & Steps;

/** The rows with most in the whole range, a series each, and of each cluster one of all others, where they have anything. */
export async function flowSeriesOf(db: Db, clusters: readonly Cluster[], asked: Asked) {
  const { by, node, rate = false } = asked;
  const question = { ...asked, rate, by: by ?? wholeBy(asked) };
  const { keys, omitted } = by ? await largest(db, clusters, { ...asked, by }) : NONE;
  const answers = await inTurn(clusters, async ({ id, name }) => ({
    cluster: name,
    ...(await flowSeries(db, { ...question, clusterId: id, keys: keys.get(id) ?? [] })),
  }));
  const series = answers.flatMap(({ cluster, rows, others }): Series[] => [
    ...rows.map(({ key, points }) => ({ labels: { cluster, ...labelsOf(question.by, key) }, points })),
    by
      ? { labels: { cluster }, remainder: true, points: others.some(([, value]) => value > 0) ? others : [] }
      : { labels: { cluster, ...(node !== undefined && { node }) }, points: others },
  ]);
  return {
    series: series.filter(({ points }) => points.length > 0),
    omitted,
    lack: Math.max(0, ...answers.map((answer) => answer.lack)),
    pieces: answers.flatMap((answer): readonly Piece[] => answer.pieces),
    foldedUntil: earliestFolded(answers),
  };
}

type Largest = { keys: ReadonlyMap<number, string[]>; omitted: number };
const NONE: Largest = { keys: new Map(), omitted: 0 };

/** Keys by id of the cluster. */
async function largest(db: Db, clusters: readonly Cluster[], asked: Asked & { by: By }): Promise<Largest> {
  const answers = await inTurn(clusters, async ({ id }) => ({
    id,
    answer: await topTalkers(db, { ...asked, clusterId: id }),
  }));
  const rows = answers
    .flatMap(({ id, answer }) =>
      answer.rows.map(({ key, amounts }) => ({ id, key, amount: amounts[asked.metric] ?? 0 })),
    )
    .toSorted((a, b) => b.amount - a.amount);
  const listed = rows.slice(0, asked.limit);
  const keys = new Map(
    clusters.map(({ id }) => [id, listed.filter((row) => row.id === id).map(({ key }) => key)]),
  );
  const folded = answers.reduce((sum, { answer }) => sum + answer.remainder.amounts.rows, 0);
  return { keys, omitted: folded + rows.length - listed.length };
}

/** What has the fewest rows of which all that matches is made: what was most at once of several rows does not add up. */
function wholeBy(filter: Filter): By {
  if (filter.pod !== undefined) return "pod";
  if (filter.workload !== undefined) return "workload";
  if (filter.namespace !== undefined) return "namespace";
  if (filter.source !== undefined) return "address";
  return filter.peer !== undefined || filter.port !== undefined || filter.protocol !== undefined
    ? "peer"
    : "namespace";
}

/** What nobody knows of a row is no label of it. */
function labelsOf(by: By, key: string): Labels {
  const names = Object.entries(namesOf(by, key, () => undefined));
  return Object.fromEntries(
    names.filter(
      (pair): pair is [string, string | number] => typeof pair[1] === "string" || typeof pair[1] === "number",
    ),
  );
}

import type { Db } from "../db/client.ts";
import type { Cluster } from "../db/queries/clusters.ts";
import { series as readSeries, TooMuchToReadError } from "../db/queries/series.ts";
import type { SeriesAnswer } from "../db/queries/series.ts";
import { earliestFolded } from "./fleet.ts";
import { inTurn } from "./in-turn.ts";
import { invalid } from "./problem.ts";
import type { SampleQuestion, Series } from "./series-query.ts";
import type { Steps } from "./step.ts";

/** How whole tables went: a series a cluster or, with the highest peaks first, a node. */
export async function sampleSeriesOf(
  db: Db,
  clusters: readonly Cluster[],
  question: Omit<SampleQuestion, keyof Steps> & Steps,
) {
  const { by, node, limit, aggregate = "max", rate = false } = question;
  const answers = await inTurn(clusters, async ({ id, name }) => ({
    cluster: name,
    answer: await readSeries(db, { ...question, aggregate, rate, clusterId: id }).catch(refused),
  }));
  const together = by === "node" && node === undefined ? highest(answers, limit) : all(answers);
  return {
    ...together,
    pieces: answers.flatMap(({ answer }) => answer.pieces),
    foldedUntil: earliestFolded(answers.map(({ answer }) => answer)),
  };
}

function refused(error: unknown): never {
  if (!(error instanceof TooMuchToReadError)) throw error;
  const message =
    "is too short for so long a range of so many nodes: use a multiple of 10m, a shorter range, or name a node";
  throw invalid("The query is invalid.", [{ path: ["step"], message }]);
}

type Answers = readonly { cluster: string; answer: SeriesAnswer }[];

function all(answers: Answers): { series: Series[]; omitted: number } {
  const series = answers.flatMap(({ cluster, answer }) =>
    answer.series.map(({ node, points }) => ({
      labels: { cluster, ...(node !== null && { node }) },
      points,
    })),
  );
  return { series, omitted: answers.reduce((sum, { answer }) => sum + answer.omitted, 0) };
}

/** Of all clusters, those with the highest peaks. */
function highest(answers: Answers, limit: number) {
  const { series, omitted } = all(answers);
  const ranked = series
    .map((one) => ({ one, peak: one.points.reduce((peak, [, value]) => Math.max(peak, value), 0) }))
    .toSorted((a, b) => b.peak - a.peak);
  return {
    series: ranked.slice(0, limit).map(({ one }) => one),
    omitted: omitted + Math.max(0, series.length - limit),
  };
}

import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import * as fc from "fast-check";
import { test } from "vitest";
import { storeReports } from "../../db/queries/reports.ts";
import { series } from "../../db/queries/series.ts";
import type { Series, SeriesQuery } from "../../db/queries/series.ts";
import { DEFAULT_RETENTION, MINUTE, SLOT_MS, TEN_MINUTES } from "../../db/tiers.ts";
import { ON_WORKERS } from "../support/on-workers.ts";
import { foldSamples } from "../support/folded-samples.ts";
import { aCluster, aStoredReport } from "../support/stored-report.ts";

/** An hour, so that windows lie on both sides of a boundary of every tier. */
const HOUR_START = 1_763_701_200_000;
const NODES = ["a", "b", "c"];

type Window = {
  node: string;
  from: number;
  to: number;
  count: number | undefined;
  opened: number | undefined;
};

/** Where nodes begin to report, around the turn of the hour. */
const history = (lengths: fc.Arbitrary<number>, aligned: boolean): fc.Arbitrary<Window[]> =>
  fc
    .array(
      fc.record({
        gap: fc.constantFrom(0, 0, 0, 0, 1, 2, 20),
        length: lengths,
        count: fc.option(fc.nat(50), { nil: undefined, freq: 6 }),
        opened: fc.option(fc.nat(50), { nil: undefined, freq: 6 }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .chain((windows) =>
      fc.record({
        windows: fc.constant(windows),
        node: fc.array(fc.constantFrom(...NODES), { minLength: windows.length, maxLength: windows.length }),
        begin: fc
          .integer({ min: -50, max: 0 })
          .map((halves) => HOUR_START + halves * (aligned ? 30_000 : 29_417)),
      }),
    )
    .map(({ windows, node, begin }) => {
      const next = new Map(NODES.map((name) => [name, begin]));
      return windows.map(({ gap, length, count, opened }, i) => {
        const name = node[i] ?? "a";
        const from = (next.get(name) ?? begin) + gap * 30_000;
        next.set(name, from + length);
        return { node: name, from, to: from + length, count, opened };
      });
    });

const anyQuestion = fc.record({
  by: fc.constantFrom("cluster" as const, "node" as const),
  stepMs: fc.constantFrom(
    ...[0.5, 1, 2, 5, 10, 20, 60, 120, 1440].map((minutes) => minutes * SLOT_MS[MINUTE]),
  ),
  aggregate: fc.constantFrom("max" as const, "min" as const, "avg" as const),
  metric: fc.constantFrom("count" as const, "count" as const, "opened" as const),
  rate: fc.boolean(),
  /** Steps left out at the begin. */
  skipped: fc.constantFrom(0, 0, 1, 3),
  /** When it is asked: slots that ended lately are not read, and the day is over after 19 hours. */
  later: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 90 }) }, fc.constant(20 * 60)),
  /** Ten minutes that are to be folded anew. */
  dirty: fc.array(fc.integer({ min: -3, max: 5 }), { maxLength: 2 }),
});
type Question = typeof anyQuestion extends fc.Arbitrary<infer Asked> ? Asked : never;

const anyLength = fc.constantFrom(5_000, 10_000, 30_000, 45_000, 60_000, 300_000);

test.for([
  ["of any length", history(anyLength, false), ["max", "min"]],
  ["of half a minute", history(fc.constant(30_000), true), ["max", "min", "avg"]],
] as const)(
  "from whatever tiers, a series is what the windows say, %s",
  { timeout: 60_000 },
  async ([, windows, aggregates], { expect }) => {
    const question = anyQuestion.filter(
      ({ by, stepMs, aggregate }) =>
        aggregates.some((known) => known === aggregate) && (by === "node" || stepMs >= SLOT_MS[MINUTE]),
    );
    await fc.assert(
      fc.asyncProperty(windows, question, async (windows, question) => {
        expect(await answer(windows, question)).toEqual(expected(windows, question));
      }),
      { numRuns: ON_WORKERS ? 8 : 25 },
    );
  },
);

/** The range of a question: whole steps up to the last window. */
function rangeOf(windows: readonly Window[], { stepMs, skipped }: Question) {
  const first = Math.floor(Math.min(...windows.map(({ from }) => from)) / stepMs) * stepMs;
  const to = Math.ceil(Math.max(...windows.map(({ to }) => to)) / stepMs) * stepMs;
  return { from: Math.min(first + skipped * stepMs, to - stepMs), to };
}

async function answer(windows: readonly Window[], question: Question): Promise<Series[]> {
  const db = await freshDb();
  await aCluster(db);
  const reports = windows.map(({ node, from, to, count, opened }, sequence) =>
    aStoredReport({ sequence, from, to, node: { name: node }, table: { count }, flows: { opened } }),
  );
  for (let i = 0; i < reports.length; i += 20) await storeReports(db, reports.slice(i, i + 20));
  await foldSamples(db);
  const { by, stepMs, aggregate, metric, rate, later, dirty } = question;
  const starts = dirty.map((slots) => HOUR_START + slots * SLOT_MS[TEN_MINUTES]);
  // What a bucket that is to be folded anew says is not to be believed.
  for (const start of starts) {
    await db.run(sql`
      insert or ignore into dirty (cluster_id, tier, node_id, start)
      select 1, ${TEN_MINUTES}, id, ${start} from (select 0 as id union all select id from nodes)`);
    await db.run(
      sql`update samples set count = 999, opened = 999 where tier = ${TEN_MINUTES} and start = ${start}`,
    );
  }
  const range = rangeOf(windows, question);
  const query: SeriesQuery = {
    clusterId: 1,
    by,
    stepMs,
    aggregate,
    metric,
    rate: rate && metric === "opened",
    ...range,
    limit: 10,
    retention: DEFAULT_RETENTION,
    now: Math.max(...windows.map(({ to }) => to)) + later * SLOT_MS[MINUTE],
  };
  const { series: found } = await series(db, query);
  return rounded(found).toSorted((x, y) => ((x.node ?? "") < (y.node ?? "") ? -1 : 1));
}

/** The same worked out from the windows alone. */
function expected(windows: readonly Window[], question: Question): Series[] {
  const { from, to } = rangeOf(windows, question);
  const steps = Array.from({ length: (to - from) / question.stepMs }, (_, i) => from + i * question.stepMs);
  const nodes = question.by === "node" ? NODES : [null];
  const all = nodes.map((node) => {
    const mine = windows.filter((window) => node === null || window.node === node);
    const points = steps.flatMap((step): [number, number][] => {
      const value = question.by === "node" ? ofNode(mine, step, question) : ofCluster(mine, step, question);
      return value === undefined ? [] : [[step, value]];
    });
    return { node, points };
  });
  return rounded(all.filter(({ points }) => points.length > 0));
}

function ofNode(windows: readonly Window[], step: number, question: Question): number | undefined {
  const end = step + question.stepMs;
  if (question.metric === "opened") {
    const begun = windows.filter(({ from }) => from >= step && from < end);
    return counted(
      begun,
      begun.reduce((sum, { from, to }) => sum + to - from, 0),
      question,
    );
  }
  const reaching = windows.filter(({ from, to }) => to > step && from < end);
  return combine(
    reaching.flatMap(({ count }) => count ?? []),
    question.aggregate,
  );
}

/** Minute by minute: the nodes added up, then the highest, lowest or average minute. */
function ofCluster(windows: readonly Window[], step: number, question: Question): number | undefined {
  const minutes: number[] = [];
  let coveredMs = 0;
  for (let minute = step; minute < step + question.stepMs; minute += SLOT_MS[MINUTE]) {
    const inMinute = { ...question, stepMs: SLOT_MS[MINUTE] };
    const ofNodes = NODES.map((node) => windows.filter((window) => window.node === node));
    const values = ofNodes.flatMap((mine) => ofNode(mine, minute, inMinute) ?? []);
    const whole = question.aggregate === "avg" ? values.map(Math.round) : values;
    if (values.length > 0) minutes.push(sum(whole));
    const inside = ({ from, to }: Window) =>
      Math.max(0, Math.min(to, minute + SLOT_MS[MINUTE]) - Math.max(from, minute));
    coveredMs += Math.max(...ofNodes.map((mine) => sum(mine.map(inside))));
  }
  const begun = windows.filter(({ from }) => from >= step && from < step + question.stepMs);
  if (question.metric === "opened") return counted(begun, coveredMs, question);
  return combine(minutes, question.aggregate);
}

function counted(begun: readonly Window[], coveredMs: number, { rate }: Question): number | undefined {
  const known = begun.flatMap(({ opened }) => opened ?? []);
  if (known.length === 0) return undefined;
  return rate ? (1000 * sum(known)) / coveredMs : sum(known);
}

function combine(values: readonly number[], aggregate: Question["aggregate"]): number | undefined {
  if (values.length === 0) return undefined;
  if (aggregate === "avg") return sum(values) / values.length;
  return aggregate === "max" ? Math.max(...values) : Math.min(...values);
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

const rounded = (all: readonly Series[]): Series[] =>
  all.map(({ node, points }) => ({
    node,
    points: points.map(([step, value]) => [step, Math.round(value * 1e6) / 1e6]),
  }));

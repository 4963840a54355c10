import { freshDb } from "#fresh-db";
import * as fc from "fast-check";
import { test } from "vitest";
import type { Db } from "../../db/client.ts";
import { flowSeries } from "../../db/queries/flow-series.ts";
import type { FlowSeriesQuery } from "../../db/queries/flow-series.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { DEFAULT_RETENTION, MINUTE, SLOT_MS } from "../../db/tiers.ts";
import { ON_WORKERS } from "../support/on-workers.ts";
import { aCluster, aReportOf } from "../support/stored-report.ts";
import { tick } from "../support/tick.ts";

const HOUR_START = 1_763_701_200_000;
const MINUTE_MS = SLOT_MS[MINUTE];
const WINDOW_MS = 30_000;

const QUERY: FlowSeriesQuery = {
  clusterId: 1,
  by: "address",
  metric: "opened",
  keys: ["10.0.0.1"],
  from: HOUR_START,
  to: HOUR_START + 60 * MINUTE_MS,
  stepMs: MINUTE_MS,
  rate: false,
  retention: DEFAULT_RETENTION,
  now: HOUR_START + 120 * MINUTE_MS,
};

type Row = { source: string; entries: number; opened?: number; port?: number };

/** The window that begins so many half minutes after the hour. */
const report = (
  node: string,
  half: number,
  rows: readonly Row[],
  folded?: { entries: number; opened: number },
) =>
  aReportOf(
    rows.map(({ port = 443, ...row }) => ({ ...row, peerPort: port })),
    {
      sequence: half + 1_000,
      from: HOUR_START + half * WINDOW_MS,
      to: HOUR_START + (half + 1) * WINDOW_MS,
      node: { name: node },
    },
    folded && {
      talkerRemainder: { sources: 1, snatEntries: 0, unreplied: 0, closed: 0, ...folded },
      groupRemainder: { groups: 1, unreplied: 0, closed: 0, ...folded },
    },
  );

const ask = async (db: Db, query: Partial<FlowSeriesQuery> = {}) => {
  await tick(db, query.now ?? QUERY.now);
  return flowSeries(db, { ...QUERY, ...query });
};

test("a row has what it had in each step, and the others the rest", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [
    report("a", 0, [
      { source: "10.0.0.1", entries: 5, opened: 1 },
      { source: "10.0.0.2", entries: 7, opened: 10 },
    ]),
    report("a", 1, [{ source: "10.0.0.1", entries: 3, opened: 2 }]),
    report("b", 0, [{ source: "10.0.0.2", entries: 1, opened: 100 }]),
    report("a", 4, [{ source: "10.0.0.2", entries: 9, opened: 20 }]),
  ]);
  const [first, third] = [HOUR_START, HOUR_START + 2 * MINUTE_MS];
  expect(await ask(db)).toMatchObject({
    // Nothing in the second minute, of which nobody told.
    rows: [
      {
        key: "10.0.0.1",
        points: [
          [first, 3],
          [third, 0],
        ],
      },
    ],
    others: [
      [first, 110],
      [third, 20],
    ],
    lack: 0,
  });
  expect(await ask(db, { metric: "entries" })).toMatchObject({
    rows: [
      {
        points: [
          [first, 5],
          [third, 0],
        ],
      },
    ],
    others: [
      [first, 8],
      [third, 9],
    ],
  });
  expect(await ask(db, { stepMs: 10 * MINUTE_MS })).toMatchObject({
    rows: [{ points: [[first, 3]] }],
    others: [[first, 130]],
  });
  expect((await ask(db, { stepMs: 10 * MINUTE_MS })).pieces.map(({ tier }) => tier)).toEqual([2]);
  expect((await ask(db, { stepMs: 60 * MINUTE_MS })).pieces.map(({ tier }) => tier)).toEqual([3]);
  expect((await ask(db, { node: "a", keys: [] })).others).toEqual([
    [first, 13],
    [third, 20],
  ]);
});

test("what was folded away may be anybody's: then a row that is not listed has no point", async ({
  expect,
}) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [
    report("a", 0, [{ source: "10.0.0.1", entries: 5, opened: 1 }], { entries: 4, opened: 3 }),
    report("a", 2, [{ source: "10.0.0.2", entries: 5, opened: 2 }], { entries: 4, opened: 7 }),
  ]);
  const { rows, others, lack } = await ask(db);
  expect(rows).toEqual([{ key: "10.0.0.1", points: [[HOUR_START, 1]] }]);
  expect(others).toEqual([
    [HOUR_START, 3],
    [HOUR_START + MINUTE_MS, 9],
  ]);
  expect(lack).toBeGreaterThanOrEqual(7);
});

test("a count that nobody counts has no points", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [report("a", 0, [{ source: "10.0.0.1", entries: 5 }])]);
  expect(await ask(db, { metric: "bytes" })).toMatchObject({ rows: [{ points: [] }], others: [], lack: 0 });
});

test("rates are of the time that reports cover", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  await storeReports(db, [
    report("a", 0, [{ source: "10.0.0.1", entries: 5, opened: 60 }]),
    report("a", 2, [{ source: "10.0.0.1", entries: 5, opened: 60 }]),
    report("a", 3, [{ source: "10.0.0.2", entries: 5, opened: 60 }]),
  ]);
  for (const node of [undefined, "a"]) {
    expect((await ask(db, { rate: true, node })).rows[0]?.points).toEqual([
      [HOUR_START, 2],
      [HOUR_START + MINUTE_MS, 1],
    ]);
    const whole = await ask(db, { rate: true, node, stepMs: 10 * MINUTE_MS });
    expect([whole.rows[0]?.points, whole.others]).toEqual([
      [[HOUR_START, 120 / 90]],
      [[HOUR_START, 60 / 90]],
    ]);
  }
});

const anyRow = fc.record({
  source: fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3"),
  port: fc.constantFrom(443, 53),
  entries: fc.nat(9),
  opened: fc.nat(9),
});
const anyWindow = fc.record({
  node: fc.constantFrom("a", "b"),
  half: fc.integer({ min: -45, max: 45 }),
  rows: fc.uniqueArray(anyRow, { selector: ({ source, port }) => `${source} ${port}`, minLength: 1 }),
});
const anyHistory = fc.uniqueArray(anyWindow, {
  selector: ({ node, half }) => `${node} ${half}`,
  minLength: 1,
  maxLength: 12,
});
type Window = { node: string; half: number; rows: Required<Row>[] };

test(
  "where nothing is left out, points are what the windows say, from whatever tiers",
  { timeout: 60_000 },
  async ({ expect }) => {
    const question = fc.record({
      stepMs: fc.constantFrom(1, 5, 10, 30, 60).map((minutes) => minutes * MINUTE_MS),
      port: fc.constantFrom(undefined, 53),
      node: fc.constantFrom(undefined, "a"),
      later: fc.constantFrom(23, 30, 62, 90),
    });
    await fc.assert(
      fc.asyncProperty(anyHistory, question, async (windows, { stepMs, port, node, later }) => {
        const db = await freshDb();
        await aCluster(db);
        await storeReports(
          db,
          windows.map(({ node, half, rows }) => report(node, half, rows)),
        );
        const range = { from: HOUR_START - 60 * MINUTE_MS, to: HOUR_START + 60 * MINUTE_MS };
        const now = HOUR_START + later * MINUTE_MS;
        const found = await ask(db, { ...range, stepMs, port, node, now });
        const mine = windows.filter((window) => node === undefined || window.node === node);
        expect(found.rows[0]?.points).toEqual(
          openedIn(mine, stepMs, (row) => row.source === "10.0.0.1", port),
        );
        expect(found.others).toEqual(openedIn(mine, stepMs, (row) => row.source !== "10.0.0.1", port));
        expect(found.lack).toBe(0);
      }),
      { numRuns: ON_WORKERS ? 8 : 25 },
    );
  },
);

function openedIn(
  windows: readonly Window[],
  stepMs: number,
  isMine: (row: Row) => boolean,
  port: number | undefined,
): [number, number][] {
  const steps = new Map<number, number>();
  for (const { half, rows } of windows.toSorted((a, b) => a.half - b.half)) {
    const step = Math.floor((HOUR_START + half * WINDOW_MS) / stepMs) * stepMs;
    const matching = rows.filter((row) => isMine(row) && (port === undefined || row.port === port));
    steps.set(
      step,
      matching.reduce((sum, { opened }) => sum + opened, steps.get(step) ?? 0),
    );
  }
  return [...steps];
}

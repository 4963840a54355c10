import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import type { Db } from "../../db/client.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { MAX_ROWS, series, TooMuchToReadError } from "../../db/queries/series.ts";
import type { SeriesQuery } from "../../db/queries/series.ts";
import { SERIES_METRICS } from "../../db/queries/series/metrics.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { foldSamples } from "../support/folded-samples.ts";
import { aCluster, aDump, aStoredReport, START } from "../support/stored-report.ts";

const MINUTE = 60_000;
const QUERY: SeriesQuery = {
  clusterId: 1,
  metric: "count",
  by: "cluster",
  from: START,
  to: START + 10 * MINUTE,
  stepMs: MINUTE,
  aggregate: "max",
  rate: false,
  limit: 100,
  retention: DEFAULT_RETENTION,
  now: START + 60 * MINUTE,
};
const ask = async (db: Db, query: Partial<SeriesQuery> = {}) => {
  await foldSamples(db);
  return (await series(db, { ...QUERY, ...query })).series;
};
const counted = (name: string, sequence: number, count: number, max = 1000) =>
  aStoredReport({ sequence, node: { name }, table: { count, max } });

describe("a series", () => {
  test("has the highest of a node's windows in each step, summed over the nodes", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [
      counted("a", 0, 10),
      counted("a", 1, 20),
      counted("a", 2, 30),
      counted("b", 0, 100),
      counted("b", 1, 100),
    ]);
    expect(await ask(db)).toEqual([
      {
        node: null,
        points: [
          [START, 120],
          [START + MINUTE, 30],
        ],
      },
    ]);
  });

  test("can be had of each node or of one", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [counted("b", 0, 2), counted("a", 0, 1), counted("a", 3, 5)]);
    const a = {
      node: "a",
      points: [
        [START, 1],
        [START + MINUTE, 5],
      ],
    };
    expect(await ask(db, { by: "node" })).toEqual([a, { node: "b", points: [[START, 2]] }]);
    expect(await ask(db, { by: "node", node: "a" })).toEqual([a]);
    expect(await ask(db, { by: "node", node: "nobody" })).toEqual([]);
  });

  test("has no point where nobody knows", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [
      counted("a", 0, 1),
      aStoredReport({ sequence: 2, node: { name: "a" } }),
      counted("a", 6, 3),
    ]);
    expect(await ask(db)).toEqual([
      {
        node: null,
        points: [
          [START, 1],
          [START + 3 * MINUTE, 3],
        ],
      },
    ]);
    expect(await ask(db, { metric: "entries" })).toEqual([]);
  });

  test("keeps clusters apart", async ({ expect }) => {
    const db = await freshDb();
    const [a, b] = [await aCluster(db, "a"), await aCluster(db, "b")];
    await storeReports(db, [
      aStoredReport({ clusterId: a, table: { count: 1 } }),
      aStoredReport({ clusterId: b, table: { count: 2 } }),
    ]);
    expect(await ask(db, { clusterId: b })).toEqual([{ node: null, points: [[START, 2]] }]);
  });

  test("of the nodes with the highest peaks can be had, wherever they are among many, and says how many more there are", async ({
    expect,
  }) => {
    const db = await freshDb();
    await aCluster(db);
    const high = new Map([
      [0, 7_000],
      [99, 9_000],
      [100, 8_000],
      [201, 8_000],
    ]);
    await storeReports(
      db,
      Array.from({ length: 202 }, (_, node) => counted(`n${node}`, 0, high.get(node) ?? node)),
    );
    await foldSamples(db);
    const answer = await series(db, { ...QUERY, by: "node", limit: 3 });
    expect(answer.series.map(({ node, points }) => [node, points])).toEqual([
      ["n99", [[START, 9_000]]],
      ["n100", [[START, 8_000]]],
      ["n201", [[START, 8_000]]],
    ]);
    expect(answer.omitted).toBe(199);
  });

  test("of more rows than one question may make is refused, of ten minutes they are fewer", async ({
    expect,
  }) => {
    const db = await freshDb();
    await aCluster(db);
    const nodes = 400;
    const more = (first: number, last: number) =>
      db.run(sql`
        insert into nodes (cluster_id, name, agent, kernel, addresses, blind, first_seen_at, described_at)
        with recursive n(i) as (select ${first} union all select i + 1 from n where i < ${last})
        select 1, 'n' || i, '', '', '[]', '[]', 0, 0 from n`);
    await more(1, nodes);
    const now = START + 60 * MINUTE;
    const range = { from: now - (MAX_ROWS / nodes) * 30_000, to: now, stepMs: 30_000, now };
    const refused = { ...QUERY, ...range, by: "node" } as const;
    expect((await series(db, refused)).series).toEqual([]);
    await more(nodes + 1, nodes + 1);
    await expect(series(db, refused)).rejects.toThrow(TooMuchToReadError);
    expect((await series(db, { ...refused, stepMs: 10 * MINUTE })).series).toEqual([]);
  });

  test("of limits adds the nodes up, of utilisation names the fullest", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [
      counted("a", 0, 900, 1000),
      counted("a", 1, 100, 1000),
      counted("b", 0, 10, 100),
    ]);
    expect((await ask(db, { metric: "limit" }))[0]?.points).toEqual([[START, 1100]]);
    expect((await ask(db, { metric: "utilisation" }))[0]?.points).toEqual([[START, 0.9]]);
  });

  test("goes through steps shorter than the windows without gaps", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [counted("a", 0, 6)]);
    const points = (await ask(db, { by: "node", stepMs: 10_000 }))[0]?.points;
    expect(points).toEqual([
      [START, 6],
      [START + 10_000, 6],
      [START + 20_000, 6],
    ]);
  });

  test("shows a peak in every step that its window reaches into", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const from = START + 50_000;
    await storeReports(db, [
      counted("a", 0, 40),
      aStoredReport({ sequence: 1, from, to: from + 30_000, node: { name: "a" }, table: { count: 80 } }),
    ]);
    expect((await ask(db))[0]?.points).toEqual([
      [START, 80],
      [START + MINUTE, 80],
    ]);
  });

  test.for(["cluster", "node"] as const)(
    "by %s is of the windows that reach into the range",
    async (by, { expect }) => {
      const db = await freshDb();
      await aCluster(db);
      await storeReports(
        db,
        [counted("a", -1, 1), counted("a", 0, 2), counted("a", 19, 3), counted("a", 20, 4)].map(
          (report, i) => ({ ...report, sequence: i }),
        ),
      );
      expect((await ask(db, { by }))[0]?.points).toEqual([
        [START, 2],
        [START + 9 * MINUTE, 3],
      ]);
      expect((await ask(db, { by, from: START - MINUTE, to: START }))[0]?.points).toEqual([
        [START - MINUTE, 1],
      ]);
    },
  );

  test("of counts adds up the windows that begin in a step, each once at any zoom", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const opened = (name: string, sequence: number, opened?: number) =>
      aStoredReport({ sequence, node: { name }, flows: { opened } });
    const from = START + 110_000;
    await storeReports(db, [
      opened("a", 0, 5),
      opened("a", 1, 7),
      opened("a", 2),
      opened("b", 0, 100),
      aStoredReport({ sequence: 9, from, to: from + 30_000, flows: { opened: 11 } }),
    ]);
    const minutes = [
      [START, 112],
      [START + MINUTE, 11],
    ];
    expect((await ask(db, { metric: "opened" }))[0]?.points).toEqual(minutes);
    expect((await ask(db, { metric: "opened", by: "node", node: "a", stepMs: 10_000 }))[0]?.points).toEqual([
      [START, 5],
      [START + 30_000, 7],
    ]);
    for (const by of ["cluster", "node"] as const) {
      const long = { by, from: START - 10 * MINUTE, to: START + 10 * MINUTE, stepMs: 10 * MINUTE };
      const sums = (await ask(db, { metric: "opened", ...long })).map(({ points }) => points[0]?.[1]);
      expect(sums).toEqual(by === "node" ? [100, 12, 11] : [123]);
    }
    expect(await ask(db, { metric: "drop" })).toEqual([]);
  });

  test("adds counts beyond what an integer of SQLite holds", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const max = Number.MAX_SAFE_INTEGER;
    const reports = Array.from({ length: 1_100 }, (_, n) =>
      aStoredReport({ sequence: n, from: START + n, flows: { opened: max } }),
    );
    await storeReports(db, reports);
    expect((await ask(db, { metric: "opened", by: "node" }))[0]?.points).toEqual([[START, 1_100 * max]]);
  });

  test("takes counts as large as they get", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const max = Number.MAX_SAFE_INTEGER;
    await storeReports(
      db,
      ["a", "b"].map((name) => counted(name, 0, max)),
    );
    // Sums of a bucket end where numbers of JavaScript are no longer exact.
    expect((await ask(db))[0]?.points).toEqual([[START, max]]);
    expect(await ask(db, { by: "node" })).toEqual(
      ["a", "b"].map((node) => ({ node, points: [[START, max]] })),
    );
  });
});

test("every gauge of a report has a series", async ({ expect }) => {
  const db = await freshDb();
  await aCluster(db);
  const dump = aDump({
    entries: 1,
    byFamily: { ipv4: 2, ipv6: 3 },
    byProtocol: { "6": 4, "17": 5, "1": 6, "58": 7, "132": 8, "47": 9 },
    byTcpState: {
      NONE: 10,
      SYN_SENT: 11,
      SYN_RECV: 12,
      ESTABLISHED: 13,
      FIN_WAIT: 14,
      CLOSE_WAIT: 15,
      LAST_ACK: 16,
      TIME_WAIT: 17,
      CLOSE: 18,
      SYN_SENT2: 19,
    },
    byNat: { none: 20, snat: 21, dnat: 22, both: 23 },
    unreplied: 24,
    assured: 25,
    offloaded: 26,
  });
  const table = { count: 27, max: 30, buckets: 28 };
  await storeReports(db, [
    aStoredReport({
      dump,
      table,
      completeness: {
        unreadable: { lines: 29, samples: [] },
        untracked: 31,
        older: 32,
        forgotten: 33,
        overruns: 34,
      },
      flows: { opened: 35, closed: 36 },
      counters: {
        statistics: {
          found: 37,
          invalid: 38,
          insertFailed: 39,
          drop: 40,
          earlyDrop: 41,
          error: 42,
          searchRestart: 43,
          clashResolve: 44,
          chainTooLong: 45,
        },
        log: { tableFull: 46 },
      },
      self: { cpuMs: 47, rssBytes: 48 },
    }),
  ]);
  await foldSamples(db);
  const found = await Promise.all(
    SERIES_METRICS.map(async (metric) => {
      const answers = [
        await series(db, { ...QUERY, metric }),
        await series(db, { ...QUERY, metric, by: "node" }),
      ];
      const [cluster, node] = answers.map(({ series }) => series[0]?.points[0]?.[1]);
      expect([metric, cluster]).toEqual([metric, node]);
      return [metric, cluster];
    }),
  );
  expect(Object.fromEntries(found)).toEqual({
    entries: 1,
    ipv4: 2,
    ipv6: 3,
    tcp: 4,
    udp: 5,
    icmp: 6,
    icmpv6: 7,
    sctp: 8,
    otherProtocols: 9,
    tcpNone: 10,
    tcpSynSent: 11,
    tcpSynRecv: 12,
    tcpEstablished: 13,
    tcpFinWait: 14,
    tcpCloseWait: 15,
    tcpLastAck: 16,
    tcpTimeWait: 17,
    tcpClose: 18,
    tcpSynSent2: 19,
    natNone: 20,
    natSnat: 21,
    natDnat: 22,
    natBoth: 23,
    unreplied: 24,
    assured: 25,
    offloaded: 26,
    count: 27,
    buckets: 28,
    unreadableLines: 29,
    limit: 30,
    untracked: 31,
    older: 32,
    forgotten: 33,
    overruns: 34,
    opened: 35,
    closed: 36,
    found: 37,
    invalid: 38,
    insertFailed: 39,
    drop: 40,
    earlyDrop: 41,
    error: 42,
    searchRestart: 43,
    clashResolve: 44,
    chainTooLong: 45,
    tableFull: 46,
    agentCpuMs: 47,
    agentRss: 48,
    utilisation: 0.9,
  });
});

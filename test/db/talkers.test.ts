import { freshDb } from "#fresh-db";
import { describe, test } from "vitest";
import { storeReports } from "../../db/queries/reports.ts";
import { topTalkers } from "../../db/queries/talkers.ts";
import { DEFAULT_RETENTION, HOUR as HOUR_TIER, MINUTE, TEN_MINUTES, WINDOW } from "../../db/tiers.ts";
import { aCluster, aReportOf, aStoredReport, START } from "../support/stored-report.ts";
import { talked as ask, HOUR_MS as HOUR } from "../support/talked.ts";

type Answer = Awaited<ReturnType<typeof ask>>;
const addressed = ({ talkers }: Answer) => talkers as ((typeof talkers)[number] & { address: string })[];
const listed = (answer: Answer) => addressed(answer).map(({ address, entries }) => [address, entries]);

describe("the talkers of one window", () => {
  const rows = [
    {
      source: "10.0.0.1",
      peer: "1.1.1.1",
      nat: "snat",
      natAddress: "192.168.0.23",
      entries: 60,
      unreplied: 5,
    },
    { source: "10.0.0.1", peer: "2.2.2.2", entries: 10 },
    { source: "10.0.0.2", peer: "1.1.1.1", entries: 20, unreplied: 20 },
    { source: "2001:db8::3", peer: "2001:db8::4", entries: 5 },
  ] as const;
  const remainders = { talkerRemainder: { sources: 2, entries: 5, snatEntries: 4, unreplied: 1 } };

  test("come largest first, and with the remainder add up to all there is", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, {}, remainders)]);
    expect(await ask(db, { limit: 2 })).toMatchObject({
      rankedBy: "entries",
      talkers: [
        { address: "10.0.0.1", entries: 70, snatEntries: 60, unreplied: 5, peers: 2, share: 0.7 },
        { address: "10.0.0.2", entries: 20, snatEntries: 0, unreplied: 20, peers: 1, share: 0.2 },
      ],
      remainder: { rows: 3, entries: 10, snatEntries: 4, unreplied: 1, share: 0.1 },
      total: { rows: 5, entries: 100, snatEntries: 64, unreplied: 26 },
      exact: true,
      lack: {},
      missing: { entries: 5, snatEntries: 4, unreplied: 1 },
      unattributed: undefined,
      peaksAdded: false,
      coveredMs: 30_000,
    });
  });

  test.for([
    ["unreplied", "10.0.0.2"],
    ["snatEntries", "10.0.0.1"],
    ["peers", "10.0.0.1"],
    ["entries", "10.0.0.1"],
  ] as const)("are ranked by %s when asked", async ([metric, first], { expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows)]);
    expect(addressed(await ask(db, { metric }))[0]?.address).toBe(first);
  });

  test("named by source are all there is", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, {}, remainders)]);
    const { talkers, remainder, total } = await ask(db, { source: "10.0.0.2" });
    expect(talkers).toMatchObject([{ address: "10.0.0.2", entries: 20, share: 1 }]);
    expect([remainder.rows, remainder.entries, total.entries]).toEqual([0, 0, 20]);
  });

  test("nobody has seen are none", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows)]);
    const { talkers, total, exact, missing } = await ask(db, { source: "10.9.9.9" });
    expect([talkers, total.entries, exact, missing]).toEqual([[], 0, true, {}]);
  });

  test("nobody has listed may have been among those that were folded away", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, {}, remainders)]);
    const { talkers, exact, missing } = await ask(db, { source: "10.9.9.9" });
    expect([talkers, exact, missing.entries]).toEqual([[], false, 5]);
  });

  test("may be all remainder", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, {}, remainders)]);
    const { talkers, remainder } = await ask(db, { limit: 0 });
    expect([talkers, remainder.entries, remainder.share]).toEqual([[], 100, 1]);
  });

  test("with numbers as large as they get stay exact", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const entries = Number.MAX_SAFE_INTEGER;
    await storeReports(db, [aReportOf([{ source: "10.0.0.1", entries, unreplied: entries }])]);
    const { talkers, total } = await ask(db);
    expect([talkers[0]?.entries, talkers[0]?.unreplied, total.entries]).toEqual([entries, entries, entries]);
  });
});

describe("over several windows and nodes", () => {
  test("a talker has the most it held at once on a node, added over the nodes", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const held = (name: string, sequence: number, entries: number) =>
      aReportOf([{ source: "10.0.0.1", entries }], { sequence, node: { name } });
    await storeReports(db, [
      held("a", 0, 5),
      held("a", 1, 9),
      held("a", 2, 1),
      held("b", 0, 3),
      held("b", 5, 2),
    ]);
    expect(listed(await ask(db))).toEqual([["10.0.0.1", 12]]);
    expect(listed(await ask(db, { node: "b" }))).toEqual([["10.0.0.1", 3]]);
    expect(listed(await ask(db, { node: "nobody" }))).toEqual([]);
  });

  test("rows and remainder add up to the total, and shares are parts of it", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [
      aReportOf([{ source: "10.0.0.2", entries: 10 }], { sequence: 0 }),
      aReportOf(
        [
          { source: "10.0.0.1", entries: 30 },
          { source: "10.0.0.2", entries: 5 },
        ],
        { sequence: 1 },
      ),
    ]);
    const { talkers, remainder, total } = await ask(db, { limit: 1 });
    expect(talkers).toMatchObject([{ address: "10.0.0.1", entries: 30, share: 0.75 }]);
    expect([remainder.entries, remainder.share, total.entries]).toEqual([10, 0.25, 40]);
  });

  test("shares are of the metric ranked by", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [
      aReportOf([
        { source: "10.0.0.1", entries: 90, unreplied: 1 },
        { source: "10.0.0.2", entries: 10, unreplied: 4 },
      ]),
    ]);
    const shares = async (metric: "unreplied" | "peers") =>
      addressed(await ask(db, { metric })).map(({ address, share }) => [address, share]);
    expect(await shares("unreplied")).toEqual([
      ["10.0.0.2", 0.8],
      ["10.0.0.1", 0.2],
    ]);
    expect(await shares("peers")).toEqual([
      ["10.0.0.1", 0.9],
      ["10.0.0.2", 0.1],
    ]);
  });

  test("a listed talker that a report folded away makes the answer say how much it may lack", async ({
    expect,
  }) => {
    const db = await freshDb();
    await aCluster(db);
    const folded = { talkerRemainder: { sources: 3, entries: 7, snatEntries: 0, unreplied: 0 } };
    await storeReports(db, [
      aReportOf(
        [
          { source: "10.0.0.1", entries: 10 },
          { source: "10.0.0.2", entries: 9 },
        ],
        { sequence: 0 },
      ),
      aReportOf([{ source: "10.0.0.1", entries: 10 }], { sequence: 1 }, folded),
    ]);
    // The second may have had 7 in the window that does not list it, which is less than the 9 it had in the other.
    const two = await ask(db, { limit: 2 });
    expect([two.exact, two.lack.entries, two.remainder.entries]).toEqual([true, undefined, 7]);
    const unreplied = await ask(db, { limit: 2, metric: "opened" });
    expect(unreplied.rankedBy).toBe("entries");
  });

  test("clusters never meet", async ({ expect }) => {
    const db = await freshDb();
    const [a, b] = [await aCluster(db, "a"), await aCluster(db, "b")];
    await storeReports(db, [
      aReportOf([{ source: "10.0.0.1", entries: 1 }], { clusterId: a }),
      aReportOf([{ source: "10.0.0.1", entries: 2 }], { clusterId: b }),
    ]);
    expect(listed(await ask(db, { clusterId: a }))).toEqual([["10.0.0.1", 1]]);
    expect(listed(await ask(db, { clusterId: b }))).toEqual([["10.0.0.1", 2]]);
  });

  test.for([
    ["ends where the range begins", -30_000, 0, 0, 0],
    ["reaches a millisecond into the range", -29_999, 1, 1, 0],
    ["lies in the range", 0, 30_000, 1, 1],
    ["begins a millisecond before the range ends", HOUR - 1, HOUR + 29_999, 1, 1],
    ["begins where the range ends", HOUR, HOUR + 30_000, 0, 0],
    ["is the longest there may be and reaches a millisecond into the range", -299_999, 1, 1, 0],
  ] as const)("a window that %s counts accordingly", async ([, from, to, gauges, counts], { expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [
      aReportOf([{ source: "10.0.0.1", entries: 1, opened: 1 }], { from: START + from, to: START + to }),
    ]);
    for (const node of [undefined, "node-1"]) {
      const { talkers } = await ask(db, { node });
      expect([talkers[0]?.entries ?? 0, talkers[0]?.opened ?? 0]).toEqual([gauges, counts]);
    }
  });

  test(
    "more buckets than one page holds are all counted, of the cluster and of a node",
    { timeout: 30_000 },
    async ({ expect }) => {
      const db = await freshDb();
      await aCluster(db);
      for (const name of ["a", "b"])
        await storeReports(
          db,
          Array.from({ length: 200 }, (_, sequence) =>
            aReportOf([{ source: "10.0.0.1", entries: sequence, opened: 1 }], { sequence, node: { name } }),
          ),
        );
      const { talkers, pieces } = await ask(db, { from: START + 60_000, to: START + 6_000_000 });
      expect(talkers).toMatchObject([{ entries: 2 * 199, opened: 2 * 198 }]);
      expect(pieces.map(({ tier }) => tier)).toEqual([MINUTE, TEN_MINUTES, HOUR_TIER, TEN_MINUTES]);
      const node = await ask(db, { from: START + 60_000, to: START + 6_000_000, node: "a" });
      expect(node.talkers).toMatchObject([{ entries: 199, opened: 198 }]);
      expect(node.pieces.map(({ tier }) => tier)).toEqual([WINDOW, TEN_MINUTES, HOUR_TIER, TEN_MINUTES]);
      expect([node.coveredMs, node.exact]).toEqual([198 * 30_000, true]);
    },
  );

  test("a late window of a node is answered for before a tick has seen it", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf([{ source: "10.0.0.1", entries: 1, opened: 1 }])]);
    expect((await ask(db, { node: "node-1" })).pieces.map(({ tier }) => tier)).toEqual([TEN_MINUTES]);
    await storeReports(db, [aReportOf([{ source: "10.0.0.1", entries: 5, opened: 2 }], { sequence: 1 })]);
    const [now, to] = [START + 2 * HOUR, START + HOUR];
    const asked = { clusterId: 1, by: "address", from: START, to, now, limit: 1 } as const;
    const { rows } = await topTalkers(db, { ...asked, node: "node-1", retention: DEFAULT_RETENTION });
    expect(rows).toMatchObject([{ amounts: { entries: 5, opened: 3 } }]);
  });

  test("windows without flows are not looked at", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aStoredReport()]);
    expect(await ask(db)).toMatchObject({
      talkers: [],
      exact: true,
      total: { rows: 0 },
      remainder: { share: 0 },
      coveredMs: 30_000,
    });
  });
});

describe("talkers among the flows that match", () => {
  const rows = [
    {
      source: "10.0.0.1",
      peer: "1.1.1.1",
      peerPort: 53,
      protocol: 17,
      nat: "snat",
      natAddress: "192.168.0.23",
      entries: 30,
      unreplied: 3,
    },
    { source: "10.0.0.1", peer: "1.1.1.1", peerPort: 443, entries: 8 },
    { source: "10.0.0.2", peer: "1.1.1.1", peerPort: 53, protocol: 17, entries: 10 },
    { source: "10.0.0.2", peer: "2001:db8::1", peerPort: 443, nat: "dnat", entries: 2 },
  ] as const;

  test.for([
    [
      { peer: "1.1.1.1" },
      [
        ["10.0.0.1", 38],
        ["10.0.0.2", 10],
      ],
    ],
    [
      { port: 443 },
      [
        ["10.0.0.1", 8],
        ["10.0.0.2", 2],
      ],
    ],
    [
      { protocol: 17 },
      [
        ["10.0.0.1", 30],
        ["10.0.0.2", 10],
      ],
    ],
    [{ nat: "dnat" }, [["10.0.0.2", 2]]],
    [{ port: 53, nat: "none" }, [["10.0.0.2", 10]]],
    [{ port: 53, source: "10.0.0.2" }, [["10.0.0.2", 10]]],
    [{ peer: "2001:db8::1" }, [["10.0.0.2", 2]]],
    [{ peer: "10.0.0.1" }, []],
  ] as const)("%j", async ([filter, wanted], { expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows)]);
    expect(listed(await ask(db, filter))).toEqual(wanted);
  });

  test("have shares of what matches", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows)]);
    const answer = await ask(db, { port: 53, limit: 1 });
    expect(answer).toMatchObject({
      rankedBy: "entries",
      talkers: [{ address: "10.0.0.1", entries: 30, snatEntries: 30, unreplied: 3, share: 0.75 }],
      remainder: { rows: 1, entries: 10, snatEntries: 0, unreplied: 0, share: 0.25 },
      total: { rows: 2, entries: 40, snatEntries: 30, unreplied: 3 },
      exact: true,
    });
    expect(answer.talkers[0]).not.toHaveProperty("peers");
  });

  test("are not exact where a report folded flow groups away, and say how much they may lack", async ({
    expect,
  }) => {
    const db = await freshDb();
    await aCluster(db);
    const remainders = { groupRemainder: { groups: 9, entries: 11, unreplied: 0 } };
    await storeReports(db, [aReportOf(rows, {}, remainders), aReportOf(rows, { sequence: 1 })]);
    const answer = await ask(db, { port: 443 });
    expect([answer.exact, answer.lack.entries, answer.missing.entries, answer.total.entries]).toEqual([
      false,
      11,
      11,
      10,
    ]);
  });
});

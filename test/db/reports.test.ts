import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import type { Db } from "../../db/client.ts";
import { innermost } from "../../db/failure.ts";
import { nodesIn } from "../../db/queries/nodes.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { segmentsIn } from "../../db/queries/windows.ts";
import { aCluster, aDump, aReportOf, aStoredReport, START } from "../support/stored-report.ts";

type Sample = Record<string, unknown>;
const samples = (db: Db) => db.all<Sample>(sql`select * from samples order by cluster_id, node_id, start`);
const segments = async (db: Db) => {
  const found = [];
  for (const { id: nodeId } of await db.all<{ id: number }>(sql`select id from nodes order by id`))
    for await (const segment of segmentsIn(db, {
      clusterId: 1,
      nodeId,
      from: 0,
      to: Number.MAX_SAFE_INTEGER,
    }))
      found.push(segment);
  return found;
};
const rows = [{ source: "10.0.0.1", entries: 1 }];
const everyCount = {
  completeness: {
    interrupted: true,
    unreadable: { lines: 2, samples: ["what's this"] },
    overruns: 3,
    opened: "dumps" as const,
    untracked: 4,
    older: 5,
    forgotten: 6,
  },
  flows: { opened: 81, closed: 82 },
  counters: {
    statistics: {
      found: 91,
      invalid: 92,
      insertFailed: 93,
      drop: 94,
      earlyDrop: 95,
      error: 96,
      searchRestart: 97,
      clashResolve: 98,
      chainTooLong: 99,
    },
    log: { tableFull: 7 },
  },
  self: { cpuMs: 83, rssBytes: 84 },
};

describe("a stored report", () => {
  test("keeps every gauge in its column", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const dump = aDump({
      takenAt: START + 29_000,
      entries: 100,
      byFamily: { ipv4: 90, ipv6: 10 },
      byProtocol: { "6": 50, "17": 30, "1": 4, "58": 3, "132": 2, "47": 5, "33": 6 },
      byTcpState: {
        NONE: 1,
        SYN_SENT: 2,
        SYN_RECV: 3,
        ESTABLISHED: 4,
        FIN_WAIT: 5,
        CLOSE_WAIT: 6,
        LAST_ACK: 7,
        TIME_WAIT: 8,
        CLOSE: 9,
        SYN_SENT2: 10,
      },
      byNat: { none: 61, snat: 62, dnat: 63, both: 64 },
      unreplied: 71,
      assured: 72,
      offloaded: 73,
      zones: [0, 7],
    });
    const table = { count: 101, max: 1000, buckets: 250 };
    const report = aStoredReport({ ...everyCount, dump, table });
    expect(await storeReports(db, [report])).toEqual(["stored"]);
    expect(await samples(db)).toEqual([
      {
        cluster_id: 1,
        tier: 0,
        node_id: 1,
        start: START,
        boot: 1,
        sequence: 0,
        end: START + 30_000,
        received_at: START + 31_000,
        source: "netlink",
        events: "off",
        interrupted: 1,
        unreadable_lines: 2,
        unreadable_samples: '["what\'s this"]',
        count: 101,
        max: 1000,
        buckets: 250,
        taken_at: START + 29_000,
        dump_ms: 12,
        entries: 100,
        ipv4: 90,
        ipv6: 10,
        tcp: 50,
        udp: 30,
        icmp: 4,
        icmpv6: 3,
        sctp: 2,
        other_protocols: 11,
        tcp_none: 1,
        tcp_syn_sent: 2,
        tcp_syn_recv: 3,
        tcp_established: 4,
        tcp_fin_wait: 5,
        tcp_close_wait: 6,
        tcp_last_ack: 7,
        tcp_time_wait: 8,
        tcp_close: 9,
        tcp_syn_sent2: 10,
        nat_none: 61,
        nat_snat: 62,
        nat_dnat: 63,
        nat_both: 64,
        unreplied: 71,
        assured: 72,
        offloaded: 73,
        zones: "[0,7]",
        opened: 81,
        closed: 82,
        opened_by: "dumps",
        overruns: 3,
        untracked: 4,
        older: 5,
        forgotten: 6,
        stat_found: 91,
        stat_invalid: 92,
        stat_insert_failed: 93,
        stat_drop: 94,
        stat_early_drop: 95,
        stat_error: 96,
        stat_search_restart: 97,
        stat_clash_resolve: 98,
        stat_chain_too_long: 99,
        table_full: 7,
        agent_cpu_ms: 83,
        agent_rss: 84,
        windows: null,
        covered_ms: null,
        utilisation: null,
        nodes: null,
      },
    ]);
  });

  test("keeps what is not known as null, and a measured nothing as 0", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aStoredReport(), aStoredReport({ sequence: 1, dump: aDump() })]);
    const [without, withDump] = await samples(db);
    const gauges = ["count", "entries", "tcp", "tcp_close", "interrupted", "unreadable_lines", "zones"];
    expect(gauges.map((name) => without?.[name])).toEqual(gauges.map(() => null));
    expect(gauges.map((name) => withDump?.[name])).toEqual([null, 0, 0, 0, null, null, "[0]"]);
  });

  test("keeps counts up to 2^53 - 1", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const max = Number.MAX_SAFE_INTEGER;
    await storeReports(db, [
      aStoredReport({
        sequence: max,
        from: START,
        table: { count: max, max },
        dump: aDump({ entries: max }),
      }),
    ]);
    const [sample] = await samples(db);
    expect([sample?.["sequence"], sample?.["count"], sample?.["max"], sample?.["entries"]]).toEqual([
      max,
      max,
      max,
      max,
    ]);
  });

  test("brings its segment back byte for byte", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const report = aReportOf(rows);
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await storeReports(db, [report, aStoredReport({ sequence: 1, segment: every })]);
    expect((await segments(db)).map(({ data }) => [...data])).toEqual([
      [...(report.segment ?? [])],
      [...every],
    ]);
  });

  test.for([
    "it's",
    '"quoted"',
    "a; drop table samples --",
    "100%_",
    "\u0000",
    "null",
    "42",
    "0x10",
    "[1]",
    "$[0]",
    "ü \u{1F4A9} \u202E",
    "\uD800",
    "a\nb\tc\\",
    "n".repeat(253),
  ])("takes %j for a name like any other", async (text, { expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const node = { name: text, bootId: text, agent: text, kernel: text, addresses: [text] };
    const completeness = { source: text, blind: [text], unreadable: { lines: 1, samples: [text] } };
    const report = aStoredReport({ node, completeness, segment: aReportOf(rows).segment });
    expect(await storeReports(db, [report])).toEqual(["stored"]);
    expect(await storeReports(db, [report])).toEqual(["duplicate"]);
    const kept = text.replace("\0", "\uFFFD").replace("\uD800", "\uFFFD");
    const [found, ...others] = await nodesIn(db, 1, { limit: 10, now: START });
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      name: kept,
      bootId: kept,
      agent: kept,
      kernel: kept,
      source: kept,
      addresses: [text],
      blind: [text],
    });
    expect(await segments(db)).toHaveLength(1);
  });

  test.for([
    ["ends before it begins", { from: START, to: START }],
    ["is longer than any window", { from: START, to: START + 300_001 }],
  ] as const)("whose window %s is an error", async ([, window], { expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await expect(storeReports(db, [aStoredReport(window)])).rejects.toThrow(RangeError);
    expect(await samples(db)).toEqual([]);
  });

  test("of a cluster that is gone leaves nothing behind", async ({ expect }) => {
    const db = await freshDb();
    await storeReports(db, [aReportOf(rows, { clusterId: 9 })]);
    const left = await db.all(sql`
      select 1 from nodes union all select 1 from boots union all select 1 from samples union all select 1 from segments`);
    expect(left).toEqual([]);
  });
});

describe("a report that comes again", () => {
  test("is stored once", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    expect(await storeReports(db, [aReportOf(rows)])).toEqual(["stored"]);
    expect(await storeReports(db, [aReportOf(rows)])).toEqual(["duplicate"]);
    expect(await samples(db)).toHaveLength(1);
    expect(await segments(db)).toHaveLength(1);
  });

  test("in the same batch is stored once, and each is told its own answer", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows, { sequence: 2 })]);
    const batch = [0, 1, 0, 2, 3].map((sequence) => aReportOf(rows, { sequence }));
    expect(await storeReports(db, batch)).toEqual(["stored", "stored", "duplicate", "duplicate", "stored"]);
    expect(await segments(db)).toHaveLength(4);
  });

  test("with another window leaves nothing of itself", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aReportOf(rows)]);
    const later = aReportOf(rows, { from: START + 60_000 });
    expect(await storeReports(db, [later])).toEqual(["duplicate"]);
    expect(
      await storeReports(db, [
        aReportOf(rows, { sequence: 5 }),
        aReportOf(rows, { sequence: 5, from: START }),
      ]),
    ).toEqual(["stored", "duplicate"]);
    expect((await samples(db)).map(({ start }) => start)).toEqual([START, START + 150_000]);
    expect((await segments(db)).map(({ start }) => start)).toEqual([START, START + 150_000]);
  });

  test("with a segment it did not have before leaves none", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    await storeReports(db, [aStoredReport()]);
    expect(await storeReports(db, [aReportOf(rows)])).toEqual(["duplicate"]);
    expect(await segments(db)).toEqual([]);
  });
});

describe("reports are different", () => {
  test.for([
    ["node", { node: { name: "node-2" } }],
    ["boot", { node: { bootId: "another" } }],
    ["sequence", { sequence: 1, from: START }],
    ["cluster", { clusterId: 2 }],
  ] as const)("when their %s is, be the window the same", async ([, other], { expect }) => {
    const db = await freshDb();
    for (const name of ["a", "b"]) await aCluster(db, name);
    expect(await storeReports(db, [aReportOf(rows), aReportOf(rows, other)])).toEqual(["stored", "stored"]);
    expect(await storeReports(db, [aReportOf(rows), aReportOf(rows, other)])).toEqual([
      "duplicate",
      "duplicate",
    ]);
  });

  test("and a hundred of them fit one batch", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const batch = Array.from({ length: 100 }, (_, i) =>
      aReportOf([{ source: `10.0.0.${i}`, entries: i }], { node: { name: `node-${i}` } }),
    );
    expect(new Set(await storeReports(db, batch))).toEqual(new Set(["stored"]));
    expect(new Set((await segments(db)).map(({ data }) => data.join()))).toEqual(
      new Set(batch.map(({ segment }) => segment?.join())),
    );
  });

  test("and none is stored where the database refuses one of them", async ({ expect }) => {
    const db = await freshDb();
    await aCluster(db);
    const refused = aReportOf(rows, { sequence: Number.NaN, from: START });
    const refusal = await storeReports(db, [aReportOf(rows), refused]).catch(innermost);
    expect(refusal).toMatchObject({ message: expect.stringMatching(/NOT NULL/) });
    expect(await samples(db)).toEqual([]);
    expect(await segments(db)).toEqual([]);
    expect(await nodesIn(db, 1, { limit: 1, now: START })).toEqual([]);
  });
});

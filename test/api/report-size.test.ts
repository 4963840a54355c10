import { gzipSync } from "node:zlib";
import { sql } from "drizzle-orm";
import { describe, test } from "vitest";
import { MAX_INFLATED_BYTES, MAX_WIRE_BYTES, parseReport } from "../../api/ingest.ts";
import { MAX_STORED_BYTES, toStoredReport } from "../../api/stored.ts";
import { decodeDetails } from "../../db/details.ts";
import { decodeSegment } from "../../db/segment.ts";
import { aWholeReport, NOW } from "../support/a-report.ts";
import { theFullestReport, theMostOwners } from "../support/fullest-report.ts";
import { ADMIN, openService, storedWindows } from "../support/service.ts";

type Row = { data: ArrayBuffer; details: ArrayBuffer };
const BLOBS = sql`select data, details from segments`;

describe.for([
  ["flows and leases", theFullestReport],
  ["owners", theMostOwners],
] as const)("a report with all the %s there may be", ([, build]) => {
  const report = build();

  test("fits the wire, the memory set aside for it and a row of the database", ({ expect }) => {
    const json = JSON.stringify(report);
    expect(json.length).toBeLessThan(MAX_INFLATED_BYTES);
    expect(gzipSync(json).length).toBeLessThan(MAX_WIRE_BYTES);
    const { segment, details } = toStoredReport(report, 1, NOW);
    expect((segment?.length ?? 0) + (details?.length ?? 0)).toBeLessThan(MAX_STORED_BYTES);
  });

  test("is stored as it is", async ({ expect }) => {
    const service = await openService();
    const token = await service.token("ingest", "prod");
    const body = gzipSync(JSON.stringify(report));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const { status } = await service.ask("POST", "/v1/reports", {
      token,
      body: new Uint8Array(body),
      headers,
    });
    expect(status).toBe(202);
    const [row] = await service.db.all<Row>(BLOBS);
    const { leases, owners } = decodeDetails(new Uint8Array(row?.details ?? []));
    expect([leases?.natPort, owners]).toEqual([report.leases?.natPort, report.owners]);
    expect(decodeSegment(new Uint8Array(row?.data ?? [])).groups.bytes).toEqual(report.flows?.groups.bytes);
  });
});

test("a report that no row could hold is refused, not half kept", async ({ expect }) => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const report = theFullestReport();
  const seconds = report.leases!.opened.map((_, row) => -(row * 65_537) % 4_294_967_296);
  const { status, body } = await service.post(token, {
    ...report,
    leases: { ...report.leases, opened: seconds, closed: seconds.toReversed() },
  });
  expect([status, body.type]).toEqual([413, "urn:conntrail:problem:too-large"]);
  expect(await storedWindows(service, "prod")).toBe(0);
});

test("every part of a report is kept", async ({ expect }) => {
  const service = await openService();
  const report = parseReport(structuredClone(aWholeReport()), NOW);
  expect((await service.post(await service.token("ingest", "prod"), report)).status).toBe(202);
  const [row] = await service.db.all<Row>(BLOBS);
  const { untracked, ...flows } = decodeSegment(new Uint8Array(row?.data ?? []));
  expect([untracked, flows]).toEqual([0, report.flows]);
  const { addresses, ...details } = decodeDetails(new Uint8Array(row?.details ?? []));
  const named = (indexes: readonly number[] = []) => indexes.map((index) => addresses[index]);
  expect(named(details.leases?.source)).toEqual(["10.244.0.11", "10.244.0.12"]);
  expect(named(details.leases?.peer)).toEqual(["192.168.50.20", "10.96.0.10"]);
  expect(named(details.keyframe?.natAddress)).toEqual(["192.168.50.10"]);
  const { natPort, sourcePort, opened, closed, zone } = report.leases!;
  expect(details.leases).toMatchObject({ natPort, sourcePort, opened, closed, zone, omitted: 0 });
  const { ages, owners, counters, host, dropped, self, dump } = report;
  expect(details).toMatchObject({ ages, owners, counters, host, dropped, self, overlay: dump?.overlay });
  const ports = details.ports as typeof report.ports;
  expect([named(ports?.peer), named(ports?.shares.source)]).toEqual([["192.168.50.20"], ["10.244.0.11"]]);
});

test("a report without flows is kept with what it says", async ({ expect }) => {
  const service = await openService();
  const { dump: _dump, flows: _flows, leases: _l, keyframe: _k, ports: _p, ...report } = aWholeReport();
  expect((await service.post(await service.token("ingest", "prod"), report)).status).toBe(202);
  const [row] = await service.db.all<Row>(BLOBS);
  expect(decodeDetails(new Uint8Array(row?.details ?? [])).host).toEqual(report.host);
  expect(await storedWindows(service, "prod")).toBe(1);
  const { body } = await service.ask("GET", "/v1/series?metric=tableFull&node=node-1", { token: ADMIN });
  expect(body.series[0].points).toEqual([[NOW - 30_000, 2]]);
});

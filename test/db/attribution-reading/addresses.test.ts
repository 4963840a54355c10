import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Db } from "../../../db/client.ts";
import { deleteCluster } from "../../../db/queries/clusters.ts";
import { retireNode } from "../../../db/queries/nodes.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { MAX_NAT_ADDRESSES } from "../../../db/report.ts";
import { DEFAULT_RETENTION, HOUR, slotOf, WINDOW } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { aCluster, aStoredReport, START } from "../../support/stored-report.ts";

const HOUR_MS = 3_600_000;
const BEGIN = slotOf(HOUR, START);

/** Each as node, address, own, nat, and the hours since BEGIN. */
async function known(db: Db): Promise<string[]> {
  const rows = await db.all<{ text: string }>(
    sql.raw(`
    select n.name || ' ' || a.address || iif(own, ' own', '') || iif(nat, ' nat', '') || ' ' ||
      ((a.since - ${BEGIN}) / 3600000) || '-' || ((a.until - ${BEGIN}) / 3600000) as text
    from node_addresses a join nodes n on n.id = a.node_id and n.cluster_id = a.cluster_id
    order by a.cluster_id, n.name, a.address`),
  );
  return rows.map(({ text }) => text);
}

async function aDb(): Promise<Db> {
  const db = await freshDb();
  await aCluster(db);
  return db;
}

/** A window that begins so many ms after BEGIN. */
const said = (ms: number, addresses: readonly string[], natAddresses: readonly string[] = [], name = "a") =>
  aStoredReport({
    from: BEGIN + ms,
    to: BEGIN + ms + 30_000,
    sequence: ms,
    node: { name, addresses },
    natAddresses,
  });

describe("which node had an address", () => {
  test("is known by the hours of the windows that say so", async () => {
    const db = await aDb();
    await storeReports(db, [
      said(0, ["10.0.0.1"], ["10.0.0.1", "10.0.0.9"]),
      said(HOUR_MS - 15_000, ["10.0.0.1"]),
    ]);
    expect(await known(db)).toEqual(["a 10.0.0.1 own nat 0-2", "a 10.0.0.9 nat 0-1"]);
  });

  test("is the same in whatever order reports come, and however often", async () => {
    const reports = [
      said(0, ["10.0.0.1"]),
      said(2 * HOUR_MS, [], ["10.0.0.1"]),
      said(5 * HOUR_MS, ["10.0.0.1", "10.0.0.2"]),
      said(30_000, ["10.0.0.2"], [], "b"),
    ];
    const orders = [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [2, 0, 3, 1, 1, 0, 2],
    ];
    for (const order of orders) {
      const db = await aDb();
      for (const at of order) await storeReports(db, [reports[at]!]);
      expect(await known(db)).toEqual(["a 10.0.0.1 own nat 0-6", "a 10.0.0.2 own 5-6", "b 10.0.0.2 own 0-1"]);
    }
  });

  test("has it again after another, and so both for that time", async () => {
    const db = await aDb();
    await storeReports(db, [said(0, ["10.0.0.1"]), said(HOUR_MS, ["10.0.0.1"], [], "b")]);
    await storeReports(db, [said(2 * HOUR_MS, ["10.0.0.1"])]);
    expect(await known(db)).toEqual(["a 10.0.0.1 own 0-3", "b 10.0.0.1 own 1-2"]);
  });

  test("is not taken from a report that was stored before, whatever else it says", async () => {
    const db = await aDb();
    await storeReports(db, [said(0, ["10.0.0.1"])]);
    await storeReports(db, [said(0, ["10.0.0.2"], ["10.0.0.3"])]);
    expect(await known(db)).toEqual(["a 10.0.0.1 own 0-1"]);
  });

  test("is kept in one spelling, and not of what each machine has for itself", async () => {
    const db = await aDb();
    const local = ["127.0.0.1", "169.254.20.10", "::1", "fe80::1", "0.0.0.0", "::"];
    await storeReports(db, [said(0, ["2001:DB8:0::7", ...local], ["2001:db8::7", ...local])]);
    expect(await known(db)).toEqual(["a 2001:db8::7 own nat 0-1"]);
  });

  test.for([
    [MAX_NAT_ADDRESSES, MAX_NAT_ADDRESSES],
    [MAX_NAT_ADDRESSES + 1, MAX_NAT_ADDRESSES],
  ])("of %i addresses that it translates to the first %i count", async ([many, count]) => {
    const db = await aDb();
    await storeReports(db, [
      said(
        0,
        [],
        Array.from({ length: many! }, (_, n) => `10.0.1.${n}`),
      ),
    ]);
    const rows = await known(db);
    expect(rows).toHaveLength(count!);
    expect(rows).toContain("a 10.0.1.0 nat 0-1");
  });

  test("is forgotten with its windows, and with its cluster; not when it retires", async () => {
    const db = await aDb();
    await storeReports(db, [said(0, ["10.0.0.1"]), said(3 * HOUR_MS, ["10.0.0.2"])]);
    const other = await aCluster(db, "other");
    await storeReports(db, [{ ...said(3 * HOUR_MS, ["10.0.0.1"]), clusterId: other }]);
    await retireNode(db, 1, "a", BEGIN + 4 * HOUR_MS);
    const { tick } = upkeepOf(db);
    const kept = DEFAULT_RETENTION[WINDOW];
    await tick(BEGIN + HOUR_MS + kept + 10 * 60_000 - 1);
    expect(await known(db)).toEqual(["a 10.0.0.1 own 0-1", "a 10.0.0.2 own 3-4", "a 10.0.0.1 own 3-4"]);
    await tick(BEGIN + HOUR_MS + kept + 10 * 60_000);
    expect(await known(db)).toEqual(["a 10.0.0.2 own 3-4", "a 10.0.0.1 own 3-4"]);
    await deleteCluster(db, other);
    expect(await known(db)).toEqual(["a 10.0.0.2 own 3-4"]);
  });
});

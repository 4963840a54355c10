import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { decodeBucket } from "../../../db/bucket.ts";
import { encodeDetails } from "../../../db/details.ts";
import { fieldsOf } from "../../../db/fold/keys.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { MINUTE } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster, aReportOf, START } from "../../support/stored-report.ts";

/** Holders are read of a hundred nodes at a time. */
const NODES = 201;

test("a minute of many nodes has all of them, each with its own holders, and passes over those that were silent", async () => {
  const db = await freshDb();
  await aCluster(db);
  const names = Array.from({ length: NODES }, (_, n) => `n${String(n).padStart(3, "0")}`);
  const reports = (at: number, some: readonly string[]) =>
    some.map((name) =>
      aReportOf([{ source: "10.0.0.1", entries: 3, opened: 2 }], {
        node: { name },
        from: at,
        to: at + 30_000,
        sequence: at,
        details: encodeDetails({
          addresses: [],
          owners: ownersOf([{ address: "10.0.0.1", name: `web-${name}`, namespace: "shop" }]),
        }),
      }),
    );
  const later = START + 600_000;
  const few = names.filter((_, n) => n % 2 === 0);
  await storeReports(db, [...reports(START, names), ...reports(later, few)]);
  await upkeepOf(db).tick(later + 90_000);
  for (const [start, nodes] of [
    [START, names],
    [later, few],
  ] as const) {
    const [row] = await db.all<{ data: ArrayBuffer }>(
      sql`select data from buckets where tier = ${MINUTE} and node_id = 0 and start = ${start}`,
    );
    const { owner, node } = decodeBucket(new Uint8Array(row!.data), ["owner", "node"]);
    expect(node?.keys).toEqual(nodes);
    expect(owner?.keys.map((key) => fieldsOf("owner", key)).map(({ name, node: on }) => [name, on])).toEqual(
      nodes.map((name) => [`web-${name}`, name]),
    );
  }
});

import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { decodeBucket } from "../../../db/bucket.ts";
import { encodeDetails } from "../../../db/details.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { MINUTE } from "../../../db/tiers.ts";
import { upkeepOf } from "../../support/folded.ts";
import { ownersOf } from "../../support/owner-words.ts";
import { aCluster, aReportOf, START } from "../../support/stored-report.ts";

/** Those that part fields and keys, and others nobody should see. */
const CONTROLS = "\u0000\u0001\u001f\u007f\n";

test("names with control characters keep no bucket from being folded, and come out without them", async () => {
  const db = await freshDb();
  await aCluster(db);
  const owners = ownersOf([{ address: "10.0.0.1", name: `web${CONTROLS}`, namespace: `shop${CONTROLS}` }]);
  const nodes = [`node${CONTROLS}`, "node\u0002\u0003\u0004\u0005\u0006", "node-1"];
  await storeReports(
    db,
    nodes.map((name) =>
      aReportOf([{ source: "10.0.0.1", entries: 3, opened: 2 }], {
        node: { name },
        details: encodeDetails({ addresses: [], owners, self: { cpuMs: 1 } }),
      }),
    ),
  );
  expect(await upkeepOf(db).tick(START + 90_000)).toMatchObject({ end: "done", unfolded: 0, damaged: 0 });
  const [row] = await db.all<{ data: ArrayBuffer }>(
    sql`select data from buckets where tier = ${MINUTE} and node_id = 0 and start = ${START}`,
  );
  const { owner, node } = decodeBucket(new Uint8Array(row!.data), ["owner", "node"]);
  const hidden = "\uFFFD".repeat(5);
  // Names that differ in nothing else are one.
  expect(node?.keys).toEqual(["node-1", `node${hidden}`]);
  expect(node?.columns).toMatchObject({ entries: [3, 6], opened: [2, 4] });
  expect(owner?.keys.map((key) => key.split("\0").slice(1, 3))).toEqual([
    [`shop${hidden}`, `web${hidden}`],
    [`shop${hidden}`, `web${hidden}`],
  ]);
});

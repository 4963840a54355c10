import { freshDb } from "#fresh-db";
import { expect, test } from "vitest";
import { MAX_BYTES, unseenOf } from "../../../db/queries/attribution/unseen.ts";
import { storeReports } from "../../../db/queries/reports.ts";
import { ON_WORKERS } from "../../support/on-workers.ts";
import { aCluster, aStoredReport, START } from "../../support/stored-report.ts";

test.for([
  [0, []],
  [1, [[1, START]]],
] as const)(
  "of reports that no tick has seen so many bytes are read and %i more are not",
  async ([more, unknown], ctx) => {
    if (ON_WORKERS) ctx.skip("inside workerd blobs of such size take seconds to bind");
    const db = await freshDb();
    await aCluster(db);
    const sizes = [...Array<number>(4).fill(MAX_BYTES / 5), MAX_BYTES / 5 + more];
    await storeReports(
      db,
      sizes.map((size, sequence) => aStoredReport({ sequence, details: new Uint8Array(size) })),
    );
    expect([...(await unseenOf(db, [1])).unknownFrom]).toEqual(unknown);
  },
);

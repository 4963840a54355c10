import { zstdCompressSync } from "node:zlib";
import { test } from "vitest";
import { MAX_WIRE_BYTES } from "../../../api/ingest.ts";
import { theFullestReport, theMostOwners } from "../../support/fullest-report.ts";

// Apart from the other limits: zstdCompressSync of workerd fails on texts of this size.
test.for([
  ["flows and leases", theFullestReport],
  ["owners", theMostOwners],
] as const)("a report with all the %s there may be fits the wire in zstd too", ([, build], { expect }) => {
  expect(zstdCompressSync(JSON.stringify(build())).length).toBeLessThan(MAX_WIRE_BYTES);
});

import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { WORKERS } from "../support/workers.ts";

const root = join(import.meta.dirname, "../..");

/** Pure, query and HTTP tests, on Node and a libSQL file. */
export default defineConfig({
  root,
  resolve: { alias: { "#fresh-db": join(import.meta.dirname, "../support/fresh-db.node.ts") } },
  test: {
    name: "node",
    // No module keeps anything between calls, so the next file may have those that the last one loaded.
    isolate: false,
    globalSetup: [join(import.meta.dirname, "../support/built.ts")],
    include: ["test/{agent,api,cli,db,fleet,support}/**/*.test.ts"],
    expect: { requireAssertions: true },
    maxWorkers: WORKERS,
    // Starting a process takes seconds where another test has the core.
    testTimeout: 60_000,
  },
});

import { join } from "node:path";
import { defineConfig } from "vitest/config";

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
    include: ["test/{agent,api,db,fleet,support}/**/*.test.ts"],
    expect: { requireAssertions: true },
    // Many wait for a process or a clock: as many at once as there are cores.
    maxWorkers: "100%",
    // Starting a process takes seconds where another test has the core.
    testTimeout: 30_000,
  },
});

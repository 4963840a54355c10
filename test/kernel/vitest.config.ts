import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "../..");

/**
 * Those that need the machine for themselves: bursts that would lose packets or events beside others, and a limit that is one
 * for all namespaces.
 */
export const ALONE = ["events", "leases", "table-full"].map((name) => `test/kernel/${name}.test.ts`);

/** Real namespaces and the real kernel table: each file has its own, and waits for windows most of its time. */
export default defineConfig({
  root,
  test: {
    name: "kernel",
    globalSetup: [join(import.meta.dirname, "built-agent.ts")],
    include: ["test/kernel/**/*.test.ts"],
    exclude: ALONE,
    expect: { requireAssertions: true },
    maxWorkers: 5,
    // After all that computes.
    sequence: { groupOrder: 1 },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "../..");

/**
 * Those that need the machine for themselves: bursts that would lose events beside others, and a limit that is one for all
 * namespaces.
 */
export const ALONE = ["events", "table-full"].map((name) => `test/kernel/${name}.test.ts`);

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
    // Waits for windows of five seconds, and starts many processes: much longer where others have the cores.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

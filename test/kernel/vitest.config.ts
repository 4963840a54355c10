import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "../..");

/** Real namespaces and the real kernel table: one file at a time, so that counts and timings do not mix. */
export default defineConfig({
  root,
  test: {
    name: "kernel",
    globalSetup: [join(import.meta.dirname, "built-agent.ts")],
    include: ["test/kernel/**/*.test.ts"],
    expect: { requireAssertions: true },
    fileParallelism: false,
    // After all others: what else runs would cost events.
    sequence: { groupOrder: 1 },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

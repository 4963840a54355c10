import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "..");

export default defineConfig({
  root,
  test: {
    reporters: ["default", join(import.meta.dirname, "support/reporter.ts")],
    projects: [
      "test/node/vitest.config.ts",
      "test/edge/vitest.config.ts",
      "test/kernel/vitest.config.ts",
      "test/kernel/vitest.alone.config.ts",
    ],
  },
});

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

export default defineConfig({
  root,
  test: {
    reporters: ["default", fileURLToPath(new URL("support/reporter.ts", import.meta.url))],
    projects: ["test/node/vitest.config.ts", "test/edge/vitest.config.ts", "test/kernel/vitest.config.ts"],
  },
});

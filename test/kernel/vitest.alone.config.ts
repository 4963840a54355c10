import { defineConfig } from "vitest/config";
import kernel, { ALONE } from "./vitest.config.ts";

/** Those of the kernel tests that run one by one, after all others. */
export default defineConfig({
  ...kernel,
  test: {
    ...kernel.test,
    name: "kernel-alone",
    include: ALONE,
    exclude: [],
    maxWorkers: 1,
    fileParallelism: false,
    sequence: { groupOrder: 2 },
  },
});

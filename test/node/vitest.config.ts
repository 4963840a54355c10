import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Pure, query and HTTP tests, on Node and a libSQL file. */
export default defineConfig({
  root,
  resolve: { alias: { "#fresh-db": fileURLToPath(new URL("../support/fresh-db.node.ts", import.meta.url)) } },
  test: {
    name: "node",
    include: ["test/{agent,api,db,support}/**/*.test.ts"],
    expect: { requireAssertions: true },
  },
});

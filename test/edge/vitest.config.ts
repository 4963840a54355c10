import { join } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { unstable_readConfig as readConfig } from "wrangler";
import { WORKERS } from "../support/workers.ts";

const root = join(import.meta.dirname, "../..");

/** The same query and HTTP tests inside workerd, on D1. */
export default defineConfig(async () => {
  const deployed = readConfig({ config: join(root, "wrangler.toml") });
  return {
    root,
    plugins: [
      cloudflareTest({
        // Not the whole of wrangler.toml: its entry would then have to run before any test does.
        miniflare: {
          compatibilityDate: deployed.compatibility_date ?? "",
          compatibilityFlags: deployed.compatibility_flags,
          d1Databases: ["DB"],
          bindings: { MIGRATIONS: await readD1Migrations(join(root, "db/migrations")) },
        },
      }),
    ],
    resolve: { alias: { "#fresh-db": join(root, "test/support/fresh-db.edge.ts") } },
    test: {
      name: "edge",
      // As on Node: starting a Worker for each file would take longer than most of them.
      isolate: false,
      include: ["test/{api,db,edge}/**/*.test.ts"],
      exclude: ["test/api/node/**", "test/db/file/**"],
      expect: { requireAssertions: true },
      maxWorkers: WORKERS,
      testTimeout: 60_000,
    },
  };
});

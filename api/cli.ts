import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import packageJson from "../package.json" with { type: "json" };
import { run } from "./cli/run.ts";

// Whoever reads our lines may have seen enough.
process.stdout.on("error", () => process.exit());
process.exitCode = await run(
  {
    argv: process.argv.slice(2),
    env: process.env,
    fetch,
    readFile: (path) => (path === "-" ? text(process.stdin) : readFile(path, "utf8")),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    later: (ms, act) => {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    clock: { now: Date.now(), timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone },
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
    localToken: join(import.meta.dirname, "../data/local-read.token"),
  },
  packageJson.version,
);

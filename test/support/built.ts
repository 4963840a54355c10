/**
 * The programs that tests start as processes of their own, each bundled into one file, once for all tests: the same programs,
 * which start in a fifth of the time. Those of the demo and of the kernel tests are started as they lie in the repository.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of the built programs, which lie there as they do in the repository: see `builtProgram`. */
    built: string;
  }
}

const ROOT = join(import.meta.dirname, "../..");
const PROGRAMS = {
  "api/node": "api/node.ts",
  // Beside the program that looks for it there.
  "api/upkeep-thread": "api/node/upkeep-thread.ts",
  "api/node/backup": "api/node/backup.ts",
  "api/node/fsck": "api/node/fsck.ts",
  "db/migrate": "db/migrate.ts",
  // Started beside the API.
  "agent/main": "agent/main.ts",
  "test/support/spooling-child": "test/support/spooling-child.ts",
};

/** Builds them before the tests and gives what removes them after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-built-"));
  await build({
    entryPoints: Object.entries(PROGRAMS).map(([out, path]) => ({ out, in: join(ROOT, path) })),
    outdir: folder,
    outExtension: { ".js": ".ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    // They find their binaries only from where they lie themselves.
    external: ["libsql", "koffi"],
    banner: {
      js: 'import { createRequire as requiring } from "node:module"; const require = requiring(import.meta.url);',
    },
    logLevel: "warning",
  });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const place of ["api", "db"])
    await symlink(join(ROOT, "db/migrations"), join(folder, place, "migrations"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await compile(folder);
  project.provide("built", folder);
  return () => rm(folder, { recursive: true, force: true });
}

/** Only a process that ends by itself leaves behind what it compiled. */
async function compile(folder: string): Promise<void> {
  const cwd = join(folder, "data");
  await mkdir(cwd);
  const child = spawn(process.execPath, [join(folder, "api/node.ts")], {
    cwd,
    env: { ...process.env, CONNTRAIL_PORT: "0", NODE_COMPILE_CACHE: join(folder, "compiled") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "close");
  createInterface(child.stdout).on("line", (line) => {
    if (line.includes("listening on")) child.kill("SIGTERM");
  });
  await gone;
}

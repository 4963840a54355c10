import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { BUNDLE, buildAgent } from "../../agent/build.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The agent as it is deployed, built once for all kernel tests: `inject("builtAgent")`. */
    builtAgent: string;
  }
}

/** Builds the agent before the tests and gives what removes it after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-built-"));
  await buildAgent(folder);
  project.provide("builtAgent", join(folder, BUNDLE));
  return () => rm(folder, { recursive: true, force: true });
}

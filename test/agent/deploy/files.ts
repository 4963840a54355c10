import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../../..");

export const deployed = (name: string) => readFile(join(ROOT, "agent/deploy", name), "utf8");

/** Names of the variables the agent reads, as its configuration has them. */
export async function knownVariables(): Promise<string[]> {
  const text = await readFile(join(ROOT, "agent/config.ts"), "utf8");
  return [...new Set(text.match(/CONNTRAIL_[A-Z_]+/g))];
}

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILL_TABLE = join(import.meta.dirname, "fill-table.ts");
/** Of the whole machine, so only its first namespace has them to write. */
const MAX = "/proc/sys/net/netfilter/nf_conntrack_max";
const BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets";
/** Entries left free below the limit: a running agent needs some for its own connections. */
const SPARE = 1_024;

let tables = 0;

/** A network namespace with a conntrack table of its own, until disposed. */
export interface FilledTable extends Disposable {
  readonly namespace: string;
  /** Runs a command there to its end, and gives what it printed. */
  run(command: string, args: readonly string[]): string;
}

/**
 * Fills a table with that many entries. Where the machine's limit is lower it is raised meanwhile, and the hash table with
 * it, as who raises it is told to.
 */
export function fillTable(entries: number): FilledTable {
  if (process.getuid?.() !== 0) throw new Error("needs root: it fills a table in a namespace of its own");
  const namespace = `conntrail-bench-${process.pid}-${tables}`;
  tables += 1;
  const inside: FilledTable["run"] = (command, args) =>
    run("ip", ["netns", "exec", namespace, command, ...args]);
  const lower = raiseLimits(entries + SPARE);
  const dispose = () => {
    run("ip", ["netns", "del", namespace]);
    lower();
  };
  run("ip", ["netns", "add", namespace]);
  try {
    run("ip", ["-n", namespace, "link", "set", "lo", "up"]);
    if (entries > 0) inside(process.execPath, [FILL_TABLE, String(entries)]);
  } catch (error) {
    dispose();
    throw error;
  }
  return { namespace, run: inside, [Symbol.dispose]: dispose };
}

/** @returns what puts the limits back */
function raiseLimits(entries: number): () => void {
  const [max, buckets] = [MAX, BUCKETS].map((path) => readFileSync(path, "utf8").trim());
  if (Number(max) >= entries) return () => {};
  writeFileSync(MAX, String(entries));
  writeFileSync(BUCKETS, String(entries));
  const lower = () => {
    process.off("exit", lower);
    writeFileSync(MAX, String(max));
    writeFileSync(BUCKETS, String(buckets));
  };
  // They are the whole machine's: an error that nobody caught must not leave them raised.
  process.once("exit", lower);
  return lower;
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { FleetSize } from "./plan.ts";
import type { SeedRun } from "./run.ts";

const THREADS = 2;

/** Judges one fleet a seed, two at a time; answers in the order of `sizes`. */
export async function runSeeds(
  sizes: readonly FleetSize[],
  onDone: (run: SeedRun) => void,
): Promise<SeedRun[]> {
  const runs: SeedRun[] = [];
  let next = 0;
  const drain = async () => {
    const worker = new Worker(join(import.meta.dirname, "worker.ts"));
    try {
      for (let at = next++; at < sizes.length; at = next++) {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- of windows, not of worker threads
        worker.postMessage(sizes[at]);
        const [run] = (await once(worker, "message")) as [SeedRun];
        runs[at] = run;
        onDone(run);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(THREADS, sizes.length) }, drain));
  return runs;
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { startCollector } from "../support/collector.ts";
import { builtProgram, compiled } from "../support/program.ts";
import { aBacklog, aSpoolFolder } from "../support/spools.ts";

const CHILD = builtProgram("test/support/spooling-child.ts");
/** As many as there is time for beside all other tests; `CONNTRAIL_KILLS=200` says more. */
const KILLS = Number(process.env["CONNTRAIL_KILLS"] ?? 100);
/** Killed side by side, on a disk and, where there is one, in memory: what is faster is cut at other moments. */
const PARENTS = [tmpdir(), existsSync("/dev/shm") ? "/dev/shm" : tmpdir()];
/** Reports a process has spooled when its end is set, at most: counted, so that a slow machine cuts as deep as a fast one. */
const MOST_SPOOLED = 4;
/** Longest it then goes on, in ms: what it is doing when it is killed is left to chance. */
const LONGEST_REST = 8;

/** A generator whose numbers a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets a child spool until it is killed, and gives the numbers whose writes it has seen return. */
async function oneLife(folder: string, url: string, random: () => number): Promise<number[]> {
  const child: ChildProcess = spawn(process.execPath, [CHILD, folder, url], {
    env: { ...process.env, ...compiled() },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "close");
  const printed: number[] = [];
  const enough = Math.floor(random() * (MOST_SPOOLED + 1));
  const rest = random() * LONGEST_REST;
  createInterface(child.stdout!).on("line", (line) => {
    if (line !== "ready") printed.push(Number(line));
    if (printed.length === enough) setTimeout(() => child.kill("SIGKILL"), rest);
  });
  const [code, signal] = (await gone) as [number | null, string | null];
  expect([code, signal]).toEqual([null, "SIGKILL"]);
  return printed;
}

test(`killed ${KILLS} times at random moments, an agent loses no report whose spooling has returned`, async () => {
  const seed = Number(process.env["CONNTRAIL_TEST_SEED"]) || Date.now();
  const random = randomOf(seed);
  console.log(`CONNTRAIL_TEST_SEED=${seed}`);
  let printed = 0;
  const lane = async (parent: string) => {
    const folder = await aSpoolFolder(parent);
    // Some are refused and some times are bad, so that every way out of the spool is cut through.
    const collector = await startCollector(({ sequence }) => {
      if (sequence % 7 === 3) return { status: 422 };
      return random() < 0.2 ? { status: 503 } : undefined;
    });
    const seen = new Set<number>();
    for (let kill = 0; kill < KILLS / PARENTS.length; kill += 1)
      for (const sequence of await oneLife(folder, collector.url, random)) {
        expect(seen.has(sequence), `${sequence} was drawn twice (seed ${seed})`).toBe(false);
        seen.add(sequence);
      }
    printed += seen.size;
    const { backlog } = await aBacklog(folder);
    const waiting = backlog.waiting.map(({ sequence }) => sequence);
    const reports = [...collector.stored.values()];
    const ranges = [...reports.flatMap(({ dropped }) => dropped ?? []), ...backlog.declarations];
    const accounted = new Set([...waiting, ...reports.map(({ sequence }) => sequence)]);
    const isDeclared = (sequence: number) =>
      ranges.some(({ from, to }) => from <= sequence && sequence <= to);
    const lost = [...seen].filter((sequence) => !accounted.has(sequence) && !isDeclared(sequence));
    expect(lost, `lost with seed ${seed}`).toEqual([]);
    expect([reports.length > 0, waiting.length > 0, ranges.length > 0]).toEqual([true, true, true]);
  };
  await Promise.all(PARENTS.map(lane));
  // Two are due for each kill; half of that leaves room for chance.
  expect(printed).toBeGreaterThan(KILLS);
}, 300_000);

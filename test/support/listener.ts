import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Dump } from "../../agent/sources/source.ts";
import type { Counts, EventRow, ListenOptions } from "./listen.ts";

const LISTEN = join(import.meta.dirname, "listen.ts");

/** listen.ts in a namespace, from here. */
export interface Listener {
  counts(): Promise<Counts>;
  dump(): Promise<Dump>;
  rows(): Promise<EventRow[]>;
  /** Aborts the stream; resolves to the exit code of the process, which ends by itself. */
  stop(): Promise<number | null>;
  readonly child: ChildProcess;
}

/** Starts listen.ts by `start`, which runs Node with the arguments it is given; rejects with what it says instead of ready. */
export async function openListener(
  start: (command: string, args: readonly string[]) => ChildProcess,
  options: ListenOptions = {},
): Promise<Listener> {
  const child = start(process.execPath, [LISTEN, JSON.stringify(options)]);
  const exit = once(child, "exit");
  const lines = createInterface(child.stdout as Readable)[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the listener has ended");
    return value;
  };
  const first = await line();
  if (first !== "ready") throw Object.assign(new Error("cannot listen"), { said: JSON.parse(first) });
  let last: Promise<unknown> = Promise.resolve();
  /** Answers come in the order in which they are ready, so one is waited for at a time. */
  const ask = <T>(question: string): Promise<T> => {
    const answer = last.then(async () => {
      child.stdin?.write(`${question}\n`);
      return JSON.parse(await line()) as T;
    });
    last = answer;
    return answer;
  };
  return {
    child,
    counts: () => ask<Counts>("counts"),
    dump: () => ask<Dump>("dump"),
    rows: () => ask<EventRow[]>("rows"),
    async stop() {
      await ask("stop");
      const [code] = (await exit) as [number | null];
      return code;
    },
  };
}

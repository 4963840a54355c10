import type { FoundLease, FoundLeases, LeaseFilter } from "../details.ts";
import type { Question } from "./answer.ts";

/** An event is read no later than this after it happened: the socket holds seconds of a burst, which the agent reads as it can. */
export const LATE_MS = 2_000;
/** Instants of leases are those of whole seconds. */
export const SECOND_MS = 1_000;
/** A dump of a million entries takes some seconds: what it lists was there at some instant of them. */
export const DUMP_MS = 5_000;
/** An agent that starts listens, dumps, and then begins its first window, in no more than this. */
const START_MS = 60_000;

/** One window of a node, and the rows of it that were looked for. */
export type LeaseWindow = {
  boot: number;
  sequence: number;
  from: number;
  to: number;
  /** As the samples have them. */
  events: string | null;
  openedBy: string | null;
  interrupted: boolean;
  /** Lines that could not be read. */
  unreadable: number;
  /** Live entries whose end the kernel may not report. */
  older: number;
  /** Null where the window has no details. */
  found: FoundLeases | null;
};

/** Windows without a gap between them in which every beginning and end of a lease is known. */
export type Run = { boot: number; from: number; to: number; windows: readonly LeaseWindow[] };

/** All leases of some ports in force at one moment. */
export type Base = { boot: number; takenAt: number; fromPort: number; toPort: number };

export const filterOf = ({ address, port, protocol, peer, peerPort }: Question): LeaseFilter => ({
  natAddress: address,
  natPort: port,
  protocol,
  peer,
  peerPort,
});

/** Whether every lease that began or ended in the window is listed. */
export const isComplete = ({ events, openedBy, unreadable, found }: LeaseWindow): boolean =>
  events === "complete" && openedBy === "events" && unreadable === 0 && found?.changes?.omitted === 0;

/** In the order in which the agents wrote them. */
export const inOrder = (windows: readonly LeaseWindow[]): LeaseWindow[] =>
  windows.toSorted((a, b) => a.boot - b.boot || a.sequence - b.sequence || a.from - b.from);

/**
 * @param windows in order
 * @param readFrom no window that reaches beyond it is missing
 */
export function runsOf(windows: readonly LeaseWindow[], readFrom: number): Run[] {
  const chains: LeaseWindow[][] = [];
  let last: LeaseWindow | undefined;
  for (const window of windows) {
    if (!isComplete(window)) {
      last = undefined;
      continue;
    }
    if (last && follows(last, window)) chains.at(-1)?.push(window);
    else chains.push([window]);
    last = window;
  }
  return chains.flatMap((chain) => {
    const [first, end] = [chain[0], chain.at(-1)];
    if (!first || !end) return [];
    return [{ boot: first.boot, from: listensFrom(first, windows, readFrom), to: end.to, windows: chain }];
  });
}

/** An agent cuts its windows without a gap and numbers them one by one; a number or an instant that is missing is a window that is. */
const follows = (last: LeaseWindow, next: LeaseWindow): boolean =>
  next.boot === last.boot && next.sequence === last.sequence + 1 && next.from === last.to;

/**
 * The first window of an agent has all events since its first dump, which lies before. No other window has the first part of a dump that
 * it does not hold.
 */
function listensFrom(first: LeaseWindow, windows: readonly LeaseWindow[], readFrom: number): number {
  const { keyframe } = first.found ?? {};
  if (!keyframe || keyframe.part !== 0 || keyframe.takenAt >= first.from) return first.from;
  const { takenAt } = keyframe;
  const alone = !windows.some(
    ({ boot, from, to }) => boot === first.boot && from < first.from && to > takenAt,
  );
  return alone && takenAt >= Math.max(readFrom, first.from - START_MS) ? takenAt : first.from;
}

/** Dumps that list every lease of their ports. Of a torn dump, which may be the first of an agent, later windows bring parts too. */
export function basesOf(windows: readonly LeaseWindow[]): Base[] {
  const torn = windows.filter(({ interrupted }) => interrupted);
  return windows.flatMap(({ boot, found }) => {
    const { keyframe } = found ?? {};
    if (!keyframe || keyframe.omitted > 0) return [];
    const { fromPort, toPort, takenAt } = keyframe;
    const isTorn = torn.some(({ from, to }) => from - START_MS <= takenAt && takenAt < to);
    return isTorn ? [] : [{ boot, takenAt, fromPort, toPort }];
  });
}

const MAX_PORT = 65_535;

/** Whether it lists the leases of the port; of all ports where none is given. */
export const lists = ({ fromPort, toPort }: Base, port: number | undefined): boolean =>
  fromPort <= (port ?? 0) && (port ?? MAX_PORT) <= toPort;

export const isWithin = ({ boot, takenAt }: Pick<Base, "boot" | "takenAt">, run: Run): boolean =>
  boot === run.boot && run.from <= takenAt && takenAt < run.to;

export type { FoundLease, FoundLeases };

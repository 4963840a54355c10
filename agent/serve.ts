import type { Config, Target } from "./config.ts";
import { readGauges } from "./host/gauges.ts";
import { readIdentity } from "./host/identity.ts";
import { openHttp } from "./http.ts";
import { type Loop, runLoop } from "./loop.ts";
import { type Machine, type Opened, openNode } from "./open.ts";
import type { OwnerDeps } from "./owners/index.ts";
import { learnOwners } from "./owners/learn.ts";
import { pack, type Parcel, post, shrinking } from "./push.ts";
import { Sender, type Sending } from "./sender.ts";
import { type Backlog, openBacklog } from "./spool/backlog.ts";
import { lockSpool } from "./spool/lock.ts";
import type { Stop } from "./stop.ts";
import { halve } from "./summary/halve.ts";
import type { Window } from "./window.ts";

/** A million entries through the slowest source take some seconds; what takes longer than this hangs. */
const READ_TIMEOUT_MS = 60_000;
/** The server and the way to it answer within this, or the attempt has failed. */
const POST_TIMEOUT_MS = 15_000;
/** Nodes cut their windows at the same moment; their reports come spread over at most this. */
const SPREAD_MS = 2_000;

/** The table of this machine cannot be read at all. */
export class Unreadable extends Error {}

/**
 * Reports window by window until asked to stop. Throws `Unreadable`, and `SpoolLocked` where another agent has the spool.
 * @param onSender told how many reports wait, for whoever has to end before they are sent
 */
export async function serve(
  config: Config,
  machine: Machine,
  stop: Stop,
  onSender: (waiting: () => number) => void,
): Promise<void> {
  const { now, log } = machine;
  const lock = (folder: string) => lockSpool(folder, { pid: machine.pid });
  const backlog = await openBacklog({ folder: config.spool, lock, now, log });
  const sender = new Sender(sending(config.target as Target, machine, stop), backlog);
  onSender(() => sender.unsent);
  const over = new AbortController();
  const learning = AbortSignal.any([stop.asked, over.signal]);
  const owners = await learnOwners(config.owners, ownerDeps(config, machine), learning);
  const node = await openNode(config, machine, {
    ...(owners.book && { owners: owners.book }),
    unread: owners.unread,
    dropped: () => backlog.declarations,
    waiting: () => sender.unsent,
    summary: { leases: config.leases },
    events: config.events !== "off",
  });
  try {
    const running = { machine, node, backlog, sender, stop };
    await begin(config, running);
    const sent = sender.run();
    await runLoop(windows(config, running), stop.asked);
    sender.stop();
    const unsent = await sent;
    log({ level: unsent > 0 ? "warning" : "info", event: "stopped", unsent, rejected: sender.rejected });
  } finally {
    over.abort();
    await node.close();
    await owners.ended;
    await backlog.close();
  }
}

/** Listens and takes the first stock, so that the first window has something to compare with. */
async function begin(config: Config, { machine, node, sender, stop }: Running): Promise<void> {
  const { log } = machine;
  const { table, reporter } = node;
  await reporter.prepare(stop.within(READ_TIMEOUT_MS));
  for (const reason of table.reasons) log({ level: "warning", event: "source-unavailable", reason });
  if (table.source === "none" && (await readGauges()).count === undefined)
    throw new Unreadable(table.reasons.join("\n"));
  log({
    level: "info",
    event: "started",
    node: config.node,
    source: table.source,
    events: table.listening,
    intervalMs: config.intervalMs,
    // What an earlier run has left.
    ...(sender.unsent > 0 && { waiting: sender.unsent }),
  });
}

interface Running {
  machine: Machine;
  node: Opened;
  backlog: Backlog;
  sender: Sender;
  stop: Stop;
}

function windows(config: Config, running: Running): Loop {
  const { intervalMs } = config;
  const { machine, node, sender, stop } = running;
  const { now, sleep, random, log } = machine;
  const spread = () => sleep(random() * Math.min(SPREAD_MS, intervalMs / 10), stop.asked);
  return {
    intervalMs,
    now,
    sleep,
    log,
    leadMs: () => Math.min(node.reporter.leadMs(), intervalMs / 2),
    prepare: () => node.reporter.prepare(stop.within(READ_TIMEOUT_MS)),
    close: async (window) => sender.offer(await reported(config, running, window), spread),
    skip: async (window) => {
      await node.reporter.skip(window);
      log({
        level: "warning",
        event: "window-skipped",
        reason: "the clock was set, or the machine slept",
        ...window,
      });
    },
  };
}

/** A number that was drawn for a report that could not be made is declared, like that of any other lost one. */
async function reported(config: Config, { node, backlog }: Running, window: Window): Promise<Parcel> {
  const sequence = await backlog.nextSequence();
  try {
    return await pack(await node.reporter.report(window, sequence));
  } catch (error) {
    const { bootId } = await readIdentity(config.node);
    await backlog.lose({ bootId, from: sequence, to: sequence, reason: "failed" });
    throw error;
  }
}

/** What reading owners takes of this process. */
export const ownerDeps = ({ node }: Config, { env, now, random, sleep, log }: Machine): OwnerDeps => ({
  env,
  node,
  now,
  random,
  wait: sleep,
  deadline: (ms) => AbortSignal.timeout(ms),
  log,
});

function sending(target: Target, { now, sleep, random, log }: Machine, stop: Stop): Sending {
  const postTo = openHttp(target.url.startsWith("https:"));
  return {
    post: (parcel) => post({ postTo, now, signal: stop.within(POST_TIMEOUT_MS) }, target, parcel),
    shrink: shrinking(halve),
    sleep,
    random,
    log,
  };
}

import type { Db } from "../../db/client.ts";
import { innermost } from "../../db/failure.ts";
import { candidates, SENDING_MS, waiting } from "../../db/queries/candidates.ts";
import type { Candidate } from "../../db/queries/candidates.ts";
import { forgetDeliveries, insertForGroup } from "../../db/queries/deliveries.ts";
import { dueGroups, nextGroupAt, settle } from "../../db/queries/outbox.ts";
import type { DueGroup } from "../../db/queries/outbox.ts";
import type { LogEvent } from "../router.ts";
import { compose } from "./dispatch/compose.ts";
import { deliver } from "./dispatch/deliver.ts";
import type { Delivered } from "./dispatch/deliver.ts";
import { providerNamed } from "./dispatch/hand-over.ts";
import { KEPT, readyAt } from "./grouping.ts";
import type { ChannelKind, Provider } from "./provider.ts";
import type { Sealer } from "./sealed.ts";
import type { Send } from "./send.ts";

export type DispatchDeps = {
  db: Db;
  /** Epoch ms. */
  now: () => number;
  log: (event: LogEvent) => void;
  send: Send;
  sealer: Sealer;
  /** Address of the service, for links; without a slash at its end. */
  publicUrl?: string | undefined;
  /** From 0 up to 1. */
  random: () => number;
  /** Default: those of channels/index.ts. */
  providerOf?: ((kind: ChannelKind) => Provider | undefined) | undefined;
};

export type DispatchBudget = {
  /** Begins nothing new after so many ms. */
  ms: number;
  /** Sends no more messages than this. Default: as many as there are. */
  calls?: number | undefined;
  signal?: AbortSignal | undefined;
};

/** What was done, and when there is more to do, in epoch ms; undefined: nothing waits. */
export type Dispatched = { sent: number; failed: number; dead: number; nextDueAt?: number | undefined };

/** A Worker may have six connections open at once. */
const AT_ONCE = 6;
const GROUPS_AT_ONCE = 100;

type Work = DispatchDeps & { did: Dispatched; goesOn: () => boolean; calls: number };

/**
 * Sends what is to be told and is due. Several may be at it at once, also of other processes: a message is sent by one of them. Where it
 * is killed, the next goes on; at most the messages under way are sent again. Never throws.
 */
export async function dispatch(deps: DispatchDeps, budget: DispatchBudget): Promise<Dispatched> {
  const { db, now, log } = deps;
  const startedAt = now();
  const did: Dispatched = { sent: 0, failed: 0, dead: 0 };
  const goesOn = () => !budget.signal?.aborted && Math.abs(now() - startedAt) < budget.ms;
  const work = { ...deps, did, goesOn, calls: budget.calls ?? Number.POSITIVE_INFINITY };
  try {
    await putOnTheirWay(work);
    await sendAll(work);
    await forgetDeliveries(db, now());
    did.nextDueAt = await nextAt(work);
  } catch (error) {
    log({ level: "error", event: "dispatch-failed", error: innermost(error).toString() });
    did.nextDueAt = now() + SENDING_MS;
  }
  if (did.sent + did.failed + did.dead > 0)
    log({
      level: did.failed + did.dead > 0 ? "warning" : "info",
      event: "dispatched",
      ...did,
      ms: now() - startedAt,
    });
  return did;
}

/** Makes messages of the groups that are due. */
async function putOnTheirWay(work: Work): Promise<void> {
  for (;;) {
    const groups = await dueGroups(work.db, work.now(), GROUPS_AT_ONCE);
    for (const group of groups) {
      if (!work.goesOn()) return;
      await putOnItsWay(work, group);
    }
    if (groups.length < GROUPS_AT_ONCE) return;
  }
}

async function putOnItsWay({ db, now, publicUrl, providerOf }: Work, group: DueGroup): Promise<void> {
  const resendMs = providerNamed(group.kind, providerOf)?.resendMs;
  const at = now();
  const composed = await compose(db, group, { now: at, resendMs, publicUrl });
  const { alert, latest } = composed;
  await db.run(
    alert
      ? insertForGroup({ key: crypto.randomUUID(), kind: alert.kind, alert, now: at }, group, latest)
      : settle(group, composed),
  );
}

/** One message of each channel after the other, of several channels at once. */
async function sendAll(work: Work): Promise<void> {
  while (work.goesOn() && work.calls > 0) {
    const ready = await readyToSend(work);
    const now = ready.slice(0, Math.min(AT_ONCE, work.calls));
    if (now.length === 0) return;
    work.calls -= now.length;
    const ends = await Promise.allSettled(now.map(({ found, provider }) => deliver(work, found, provider)));
    for (const end of ends) if (end.status === "fulfilled") count(work.did, end.value);
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason;
    // Another dispatcher is at the same ones.
    if (ends.every((end) => end.status === "fulfilled" && end.value === "lost")) return;
  }
}

type Ready = { found: Candidate; provider: Provider };

async function readyToSend({ db, now, providerOf }: Work): Promise<Ready[]> {
  const at = now();
  const ready = (await candidates(db, at)).flatMap((found) => {
    const provider = providerNamed(found.channelKind, providerOf);
    if (!provider) return [];
    return readyAt({ ...found, ...limitsOf(provider, found) }, at) <= at ? [{ found, provider }] : [];
  });
  // One of each channel: the first of them is the more important one.
  return ready.filter(
    ({ found }, place) => ready.findIndex((one) => one.found.channelId === found.channelId) === place,
  );
}

const limitsOf = (provider: Provider | undefined, { often }: { often: number }) => ({
  kept: often === 1 ? KEPT : 0,
  perMinute: provider?.perMinute ?? 1,
  resends: provider?.resendMs !== undefined,
});

function count(did: Dispatched, end: Delivered): void {
  if (end === "sent" || end === "failed" || end === "dead") did[end] += 1;
}

/** When there is something to do again. */
async function nextAt({ db, now, providerOf }: Work): Promise<number | undefined> {
  const at = now();
  const messages = (await waiting(db, at)).map(({ channelKind, dueAt, ...channel }) =>
    Math.max(
      dueAt,
      readyAt({ ...channel, ...limitsOf(providerNamed(channelKind, providerOf), channel) }, at),
    ),
  );
  const groupAt = await nextGroupAt(db);
  const times = groupAt === undefined ? messages : [...messages, groupAt];
  return times.length > 0 ? Math.min(...times) : undefined;
}

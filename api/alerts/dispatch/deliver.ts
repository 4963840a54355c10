import { healthiestChannel } from "../../../db/queries/channels.ts";
import type { Candidate } from "../../../db/queries/candidates.ts";
import { claim, drop, isKnown, markDead, markLater, markSent } from "../../../db/queries/deliveries.ts";
import type { Done, Failed, Notice, SentGroup } from "../../../db/queries/deliveries.ts";
import { groupOf, settle } from "../../../db/queries/outbox.ts";
import type { DueGroup } from "../../../db/queries/outbox.ts";
import type { Alert } from "../alert.ts";
import type { DispatchDeps } from "../dispatch.ts";
import { BREAKER_FAILURES, BREAKER_MS, GIVEN_UP_MS, repeatIn, retryIn, withOneLess } from "../grouping.ts";
import type { Outcome, Provider } from "../provider.ts";
import { compose } from "./compose.ts";
import { handOver, languageOf, openTarget, sealTarget } from "./hand-over.ts";
import type { Handed } from "./hand-over.ts";
import { noticeOf } from "./notice.ts";

/** What became of a message; lost: another has taken it. */
export type Delivered = "sent" | "failed" | "dead" | "dropped" | "lost";

const DAY = 86_400_000;

type Held = { found: Candidate; holder: string; provider: Provider };
type GroupNow = DueGroup & { ref: string | null };
type Message = { alert: Alert; group?: { now: GroupNow; latest: number } | undefined };

/** Takes a message, sends it and notes what became of it. Throws where the database does. */
export async function deliver(deps: DispatchDeps, found: Candidate, provider: Provider): Promise<Delivered> {
  const held = { found, holder: crypto.randomUUID(), provider };
  const now = deps.now();
  const isProbe = found.failures >= BREAKER_FAILURES;
  const isMine = await claim(deps.db, found, {
    holder: held.holder,
    now,
    bucket: withOneLess(found, provider.perMinute, now),
    pausedUntil: isProbe ? now + pauseOf(provider) : null,
  });
  if (!isMine) return "lost";
  const message = await messageOf(deps, held);
  if (!message) return "dropped";
  const handed = await handOver(
    { ...deps, provider },
    { id: found.channelId, kind: found.channelKind, language: found.language, sealed: found.sealed },
    message.alert,
    handingOf(found, message, deps.now()),
  );
  return note(deps, held, message, handed);
}

/** What is forgotten where it is not sent again in time is tried as often. */
const pauseOf = ({ resendMs }: Provider): number => Math.min(BREAKER_MS, resendMs ?? BREAKER_MS);

/** What is said of other events is another message, whatever was tried before. */
const handingOf = ({ key }: Candidate, { alert, group }: Message, now: number) => ({
  deliveryId: group ? `${key}-${group.latest}` : key,
  now,
  ...(group?.now.ref && group.now.episode === alert.episode && { ref: group.now.ref }),
});

/** What there is to say by now; undefined where that is nothing, and the message was dropped. */
async function messageOf(deps: DispatchDeps, held: Held): Promise<Message | undefined> {
  const { channelId, clusterId, rule, alert } = held.found;
  // As it was written when it was put on its way.
  if (clusterId === null || rule === null) return { alert: JSON.parse(alert) as Alert };
  const group = await groupOf(deps.db, { channelId, clusterId, rule });
  if (group) return groupMessage(deps, held, group);
  await drop(deps.db, { id: held.found.id, holder: held.holder }, undefined);
  return undefined;
}

async function groupMessage(
  { db, now, publicUrl }: DispatchDeps,
  { found, holder, provider }: Held,
  group: GroupNow,
): Promise<Message | undefined> {
  // By one that was killed too, or by none while the channel does not work.
  const tried = found.error !== null || found.state === "sending" || found.failures > 0;
  const composed = await compose(db, group, {
    now: now(),
    resendMs: provider.resendMs,
    publicUrl,
    underWay: { toEvent: found.toEvent ?? 0, tried },
  });
  if (composed.alert) return { alert: composed.alert, group: { now: group, latest: composed.latest } };
  await drop(db, { id: found.id, holder }, settle(group, composed));
  return undefined;
}

async function note(
  deps: DispatchDeps,
  held: Held,
  message: Message,
  { outcome, status }: Handed,
): Promise<Delivered> {
  const { found, holder, provider } = held;
  const { id, channelId } = found;
  const { alert } = message;
  const now = deps.now();
  const done: Done = { id, channelId, holder, now, kind: alert.kind, alert, status };
  if (outcome.result === "sent") {
    await markSent(deps.db, done, sentGroup(message, provider, outcome.ref, now));
    return "sent";
  }
  return noteFailure(deps, { ...held, ...message }, done, lasting(found, outcome));
}

type Failure = Exclude<Outcome, { result: "sent" }>;

/** So many failures in a row last two pauses of the breaker or more: ten minutes. */
const LASTING_FAILURES = BREAKER_FAILURES + 2;
/** Tries of the message itself. */
const LASTING_TRIES = 3;

/** What a status alone says, and is not known to last, may pass. */
function lasting({ failures, attempt, error }: Candidate, outcome: Failure): Failure {
  if (outcome.result === "later" || !outcome.unsure) return outcome;
  const lasts = failures + 1 >= LASTING_FAILURES && attempt + 1 >= LASTING_TRIES && error === outcome.reason;
  return lasts ? outcome : { result: "later", reason: outcome.reason };
}

function sentGroup(
  { alert, group }: Message,
  { resendMs }: Provider,
  ref: string | undefined,
  now: number,
): SentGroup | undefined {
  if (!group) return undefined;
  const { channelId, clusterId, rule, told, episode } = group.now;
  const isOpen = alert.counts.open > 0;
  return {
    channelId,
    clusterId,
    rule,
    told,
    toEvent: group.latest,
    repeatAt: isOpen ? now + repeatIn(alert.severity, resendMs) : null,
    episode: alert.episode,
    // Later messages refer to the first one.
    ref: (alert.episode === episode ? group.now.ref : null) ?? ref ?? null,
    fleet: alert.fleet ? alert.severity : null,
  };
}

async function noteFailure(
  deps: DispatchDeps,
  held: Held & Message,
  done: Done,
  outcome: Failure,
): Promise<Delivered> {
  const { found } = held;
  const { now } = done;
  const { result, reason } = outcome;
  const waitMs = result === "later" ? outcome.waitMs : undefined;
  const retry = retryIn(found.attempt + 1, deps.random(), waitMs);
  const wait =
    waitMs === undefined && held.provider.resendMs ? Math.min(retry, pauseOf(held.provider)) : retry;
  const isTooOld = now + wait - found.createdAt > GIVEN_UP_MS[done.kind];
  const isDead = result === "never" || isTooOld;
  const disable = result === "never" && outcome.disable;
  const end = disable ? "off" : isDead ? "dead" : "later";
  const failed = {
    ...done,
    error: reason,
    ...(await channelAfter(deps, held, { now, waitMs, outcome })),
    notices: await noticesOf(deps, found, { ...done, error: reason }, end),
  };
  const said = { delivery: found.id, channel: found.channelName, attempt: found.attempt + 1, reason };
  deps.log({
    level: isDead ? "error" : "warning",
    event: isDead ? "delivery-dead" : "delivery-failed",
    ...said,
  });
  if (!isDead) {
    await markLater(deps.db, failed, now + wait);
    return "failed";
  }
  if (disable) deps.log({ level: "error", event: "channel-disabled", channel: found.channelName, reason });
  await giveUp(deps, held, failed, disable);
  return "dead";
}

/** The channel after a failure. One that asks to wait works. */
async function channelAfter(
  { sealer }: DispatchDeps,
  { found, provider }: Held,
  { now, waitMs, outcome }: { now: number; waitMs: number | undefined; outcome: Outcome },
): Promise<Pick<Failed, "failures" | "pausedUntil" | "sealed">> {
  const failures = waitMs === undefined ? found.failures + 1 : found.failures;
  const pause = Math.max(
    failures >= BREAKER_FAILURES ? pauseOf(provider) : 0,
    waitMs === undefined ? 0 : retryIn(0, 0, waitMs),
  );
  const moved = outcome.result === "later" ? outcome.moved : undefined;
  const channel = {
    id: found.channelId,
    kind: found.channelKind,
    language: found.language,
    sealed: found.sealed,
  };
  const sealed =
    moved && (await sealTarget(sealer, channel.id, { ...(await openTarget(sealer, channel)), ...moved }));
  return { failures, pausedUntil: pause > 0 ? now + pause : null, sealed };
}

async function giveUp(
  { db }: DispatchDeps,
  { provider, alert, group }: Held & Message,
  failed: Failed,
  disable: boolean,
): Promise<void> {
  const { now } = failed;
  const again = now + repeatIn(alert.severity, provider.resendMs);
  const of = group && {
    ...group.now,
    toEvent: group.latest,
    repeatAt: group.now.repeatAt === null ? null : again,
    againAt: alert.counts.open > 0 ? again : null,
    resent: provider.resendMs !== undefined,
  };
  await markDead(db, {
    ...failed,
    ...(disable && { disabledReason: failed.error }),
    ...(of && { group: of }),
  });
}

/** One a day of each channel; where it does not get through, another channel is told as well. */
async function noticesOf(
  { db }: DispatchDeps,
  { kind, channelId, channelName, key, alert, attempt }: Candidate,
  { now, error }: Done & { error: string },
  end: "later" | "dead" | "off",
): Promise<Notice[]> {
  if (kind === "notice") {
    // Each channel that fails to take it hands it on once.
    const [first = key] = key.split("/");
    const about = Number(first.split("-")[1]);
    const next = attempt === 0 ? await healthiestChannel(db, about, first, now) : undefined;
    return next ? [{ channelId: next.id, key: `${first}/${next.id}`, alert: JSON.parse(alert), now }] : [];
  }
  if (end === "later") return [];
  const dayKey = `notice-${channelId}-${end}-${Math.floor(now / DAY)}`;
  if (await isKnown(db, dayKey)) return [];
  const chosen = await healthiestChannel(db, channelId, dayKey, now);
  if (!chosen) return [];
  const said = noticeOf({ name: channelName, disabled: end === "off" }, error, languageOf(chosen.language));
  return [{ channelId: chosen.id, key: dayKey, alert: said, now }];
}

import type { Severity } from "../detect/rule.ts";
import { MAX_SHOWN } from "./alert.ts";
import type { Alert, AlertedAnomaly } from "./alert.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Told again while it is open and nobody has acknowledged it. */
export const REPEAT_MS: Readonly<Record<Severity, number>> = { critical: 4 * HOUR, warning: 24 * HOUR };
/** News of what affects the fleet are told no more often. */
export const FLEET_INTERVAL_MS = 30 * MINUTE;
/** More subjects than these, or this part of the nodes where it is so many at least, are one incident of the fleet. */
export const FLEET_SUBJECTS = 20;
export const FLEET_SHARE = 0.2;
export const FLEET_NODES = 5;
/** Below this part of these limits it is the fleet no more: what is new by then is not to wait for the fleet's turn. */
export const FLEET_LEFT = 0.5;
/** Providers that forget what is not repeated are told of all that is open, up to this: some 500 kB. */
export const MAX_RESENT = 500;

/** After the first failure, the second and so on; then the last of them again and again. */
export const RETRIES_MS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR];
/** A message that could not be delivered for so long is given up: an all-clear may come later than an alarm. */
export const GIVEN_UP_MS: Readonly<Record<Alert["kind"], number>> = {
  firing: 24 * HOUR,
  notice: 24 * HOUR,
  test: 24 * HOUR,
  resolved: 48 * HOUR,
};
/** No provider's wait is longer, nor shorter than this for each failure, whatever it asks for. */
export const MAX_WAIT_MS = 6 * HOUR;
export const SHORTEST_WAIT_MS = 5 * SECOND;

/** So many failures in a row, and a channel is tried only once in a while. */
export const BREAKER_FAILURES = 5;
export const BREAKER_MS = 5 * MINUTE;

/** Messages a channel may send at once, and how long it takes until it may send one more. */
export const BUDGET = 60;
/** Of these, so many are kept for what a channel heard nothing of for an hour: what is told all the time cannot use them up. */
export const KEPT = 10;
const REFILL_MS = HOUR / BUDGET;
const ROUNDING_MS = 1e-3;

/**
 * When to try again after `attempt` failures, in ms from now: what the provider asks for, else with full jitter. One that asks for no
 * wait at all, time and again, would have the whole budget spent on one message.
 */
export function retryIn(attempt: number, random: number, waitMs?: number): number {
  if (waitMs !== undefined)
    return Math.min(Math.max(waitMs, SHORTEST_WAIT_MS * Math.max(1, attempt)), MAX_WAIT_MS);
  const longest = RETRIES_MS[Math.min(attempt, RETRIES_MS.length) - 1] ?? 0;
  return Math.ceil(random * longest);
}

/** Of the messages a provider takes in a minute, so many may be sent at once; the others are spread over the rest of it. */
const BURST = 5;

/** What a channel may send: tokens of an hour as of `refilledAt`; and when it has caught up with what a minute takes. */
export type Bucket = { tokens: number; refilledAt: number; spacedAt: number };

/** What is in it now. A clock that went back adds nothing. */
const filled = ({ tokens, refilledAt }: Bucket, now: number): number =>
  Math.min(BUDGET, tokens + Math.max(0, now - refilledAt) / REFILL_MS);

/** So far apart, and so many at once, that no minute has more than `perMinute`. */
function pace(perMinute: number): { spacing: number; burst: number } {
  const burst = perMinute >= 2 * BURST ? BURST : 1;
  return { spacing: MINUTE / (perMinute - burst + 1), burst };
}

/** When it has caught up. What a clock that went back has left is not to be waited for. */
const caughtUpAt = ({ spacedAt }: Bucket, now: number): number =>
  spacedAt > now + 2 * MINUTE ? now : spacedAt;

/** The bucket once a message is sent now. */
export const withOneLess = (bucket: Bucket, perMinute: number, now: number): Bucket => ({
  // Where no budget holds there may be none left.
  tokens: Math.max(0, filled(bucket, now) - 1),
  refilledAt: now,
  spacedAt: Math.ceil(Math.max(caughtUpAt(bucket, now), now) + pace(perMinute).spacing),
});

export type Readiness = Bucket & {
  pausedUntil: number | null;
  perMinute: number;
  /** The provider has to be told again and again of all that is open: no budget of an hour would last. Default false. */
  resends?: boolean;
  /** So many tokens are not for this message. Default none. */
  kept?: number;
};

/** When the channel may send its next message, in epoch ms: not after `now` where it may at once. */
export function readyAt(
  { pausedUntil, perMinute, resends = false, kept = 0, ...bucket }: Readiness,
  now: number,
): number {
  const missingMs = resends ? 0 : (1 + kept - filled(bucket, now)) * REFILL_MS;
  const { spacing, burst } = pace(perMinute);
  // Rounded up, since at the millisecond before it would not be there yet; but not for an error of rounding.
  const afforded = now + Math.max(0, Math.ceil(missingMs - ROUNDING_MS));
  const spaced = Math.ceil(caughtUpAt(bucket, now) - (burst - 1) * spacing);
  return Math.max(pausedUntil ?? 0, afforded, spaced);
}

/** How a group stands, before a message. Times in epoch ms. */
export type Group = {
  sentAt: number | null;
  repeatAt: number | null;
  episode: number;
  fleet: Severity | null;
};

/** What happened in a group since it was told last. */
export type News = {
  /** Counts of anomalies. opened: or worse. quiet: resolved, but nobody is told of that alone. over: opened and resolved since. */
  opened: number;
  resolved: number;
  quiet: number;
  over: number;
  /** What is open, told before or not, on how many of the nodes there are. */
  open: number;
  openCritical: number;
  unacknowledged: number;
  affected: number;
  nodes: number;
  /** Open but muted: it is not told, nor is all well. */
  hushed: number;
  /** Of all these but `hushed`; the most important first. */
  anomalies: readonly { news: "opened" | "resolved" | "over" | "open"; anomaly: AlertedAnomaly }[];
};

/** What a message says, but for where. */
export type Words = Omit<Alert, "cluster" | "rule" | "url">;

/** What to do about a group: tell, wait until then, or nothing; the latter with the time of its next repeat (null: none). */
export type Decision =
  | { do: "tell"; alert: Words }
  | { do: "wait"; until: number }
  | { do: "nothing"; repeatAt: number | null };

export const repeatIn = (severity: Severity, resendMs: number | undefined): number =>
  resendMs ?? REPEAT_MS[severity];

/** What a group is told now. `tried`: a message was tried before, and what it was to tell may be over since. */
export function decide(
  group: Group,
  news: News,
  { now, resendMs, tried }: { now: number; resendMs?: number | undefined; tried: boolean },
): Decision {
  const over = tried ? news.over : 0;
  const repeats = group.repeatAt !== null && group.repeatAt <= now;
  const isNews = news.opened + news.resolved + over > 0;
  if (!isNews && !(repeats && isRepeated(news, resendMs)))
    return { do: "nothing", repeatAt: laterRepeat(group, news, { now, resendMs, repeats }) };
  const alert = alertOf(group, news, { over, repeat: !isNews && news.open > 0, all: resendMs !== undefined });
  const until = fleetUntil(group, alert);
  return !repeats && until > now ? { do: "wait", until } : { do: "tell", alert };
}

/** What goes on and nobody has taken up, or an all-clear that was not told by itself. */
const isRepeated = (news: News, resendMs: number | undefined): boolean =>
  news.open > 0 ? resendMs !== undefined || news.unacknowledged > 0 : news.quiet > 0;

function laterRepeat(
  group: Group,
  news: News,
  { now, resendMs, repeats }: { now: number; resendMs: number | undefined; repeats: boolean },
): number | null {
  if (group.repeatAt === null || !repeats) return group.repeatAt;
  const goesOn = news.open + news.hushed > 0;
  return goesOn ? now + repeatIn(news.openCritical > 0 ? "critical" : "warning", resendMs) : null;
}

/** The fleet's news wait, unless it is all well, or got as bad as it was not before. */
const fleetUntil = (
  group: Group,
  alert: { fleet?: unknown; severity: Severity; kind: Alert["kind"] },
): number =>
  group.fleet === null ||
  alert.fleet === undefined ||
  (group.fleet === "warning" && alert.severity === "critical")
    ? 0
    : (group.sentAt ?? 0) + FLEET_INTERVAL_MS;

function alertOf(
  group: Group,
  news: News,
  { over, repeat, all }: { over: number; repeat: boolean; all: boolean },
): Words {
  const isFleet = news.open > 0 && affectsFleet(news, group.fleet === null ? 1 : FLEET_LEFT);
  // Members of a fleet were not told one by one.
  const open = repeat || isFleet || group.fleet !== null || all;
  const shown = shownOf(news, { over, open, most: all ? MAX_RESENT : MAX_SHOWN });
  return {
    kind: news.open > 0 ? "firing" : "resolved",
    severity: severityOf(news, shown),
    // Something was open up to now where it is to be repeated.
    episode: group.repeatAt === null ? group.episode + 1 : group.episode,
    anomalies: shown,
    counts: { opened: news.opened + over, resolved: news.resolved + news.quiet + over, open: news.open },
    repeat,
    ...(isFleet && { fleet: { affected: news.affected, nodes: news.nodes } }),
  };
}

/** Whether it is beyond the limits, or beyond such a part of them. */
const affectsFleet = ({ open, affected, nodes }: News, part: number): boolean =>
  open > part * FLEET_SUBJECTS || (affected >= part * FLEET_NODES && affected >= part * FLEET_SHARE * nodes);

function shownOf(
  news: News,
  { over, open, most }: { over: number; open: boolean; most: number },
): AlertedAnomaly[] {
  const isShown = (one: News["anomalies"][number]) =>
    one.news === "open" ? open : one.news !== "over" || over > 0;
  return news.anomalies
    .filter(isShown)
    .slice(0, most)
    .map(({ anomaly }) => anomaly);
}

function severityOf(news: News, shown: readonly AlertedAnomaly[]): Severity {
  const isCritical =
    news.open > 0 ? news.openCritical > 0 : shown.some(({ severity }) => severity === "critical");
  return isCritical ? "critical" : "warning";
}

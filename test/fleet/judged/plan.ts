import { seedOf } from "../random.ts";
import { benignScript } from "./benign.ts";
import { Noise } from "./noise.ts";
import type { Script } from "./script.ts";
import { type Traits, traitsOf } from "./traits.ts";
import { CAUSES } from "./trouble.ts";
import { type TroubleKind, type Truth, unseen } from "./truth.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export type FleetSize = {
  seed: number;
  nodes: number;
  days: number;
  /** Trouble comes only after so many days: until then it is learnt what is usual, and nothing is scored. */
  quietDays: number;
  /** Length of a window in seconds: 30 or 60. */
  windowS: number;
  /** Times as many troubles as usual. */
  troubles?: number;
};
export type Plan = {
  size: FleetSize;
  from: number;
  to: number;
  /** When trouble begins, and scoring. */
  scoredFrom: number;
  traits: Traits[];
  scripts: Script[];
  truths: Truth[];
};

/** A Monday. */
const FROM = Date.UTC(2026, 0, 5);
/** Attempts in 200 nodes and 12 days; of a smaller fleet as many less, and at least one. */
const ATTEMPTS: Readonly<Record<TroubleKind, number>> = {
  flood: 24,
  "flood-by-rate": 10,
  leak: 14,
  full: 6,
  "ports-gradual": 5,
  "ports-sudden": 5,
  "destination-down": 8,
  scan: 6,
  "close-wait": 8,
  idle: 6,
  invalid: 8,
  drift: 5,
  silent: 8,
  blind: 8,
  "fleet-shift": 4,
  "cluster-silent": 1,
};
const PLANNED = 200 * 12;
/** Between two troubles of one node: longer than any cooldown, so that each may be told. */
const APART_MS = 8 * HOUR_MS;
/** Trouble ends so long before the simulation does. */
const TAIL_MS = HOUR_MS;
const TRIES = 2_000;

export const nodeName = (node: number): string => `node-${String(node + 1).padStart(3, "0")}`;

/** All that happens in a fleet, drawn from its seed. */
export function planOf(size: FleetSize): Plan {
  const { seed, nodes, days, quietDays, troubles = 1 } = size;
  const [from, to] = [FROM, FROM + days * DAY_MS];
  const scoredFrom = from + quietDays * DAY_MS;
  const traits = Array.from({ length: nodes }, (_, node) =>
    traitsOf(seed, node, { from, to, warmUpMs: Math.min(quietDays, days - 2) * DAY_MS }),
  );
  const scripts = traits.map((of) => benignScript(seed, of, { from, to }));
  const plan: Plan = { size, from, to, scoredFrom, traits, scripts, truths: [] };
  const noise = new Noise(seedOf(seed, "trouble"));
  const part = (troubles * nodes * (days - quietDays)) / PLANNED;
  for (const [kind, attempts] of Object.entries(ATTEMPTS) as [TroubleKind, number][])
    for (let left = Math.max(1, Math.round(attempts * part)); left > 0; left -= 1) attempt(plan, kind, noise);
  plan.truths.sort((a, b) => a.from - b.from);
  return plan;
}

function attempt(plan: Plan, kind: TroubleKind, noise: Noise): void {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const at = minuteIn(plan.scoredFrom, plan.to - TAIL_MS, noise);
    if (
      kind === "fleet-shift" || kind === "cluster-silent"
        ? spread(plan, { kind, at, noise })
        : single(plan, { kind, at, noise })
    )
      return;
  }
}

const minuteIn = (from: number, to: number, noise: Noise): number =>
  from + Math.floor((noise.uniform() * (to - from)) / MINUTE_MS) * MINUTE_MS;

/** The script of a place is written only where what it takes ends in time and meets no other trouble. */
function single(
  plan: Plan,
  {
    kind,
    at,
    noise,
  }: { kind: Exclude<TroubleKind, "fleet-shift" | "cluster-silent">; at: number; noise: Noise },
): boolean {
  const traits = plan.traits[noise.whole(0, plan.traits.length - 1)]!;
  const script = plan.scripts[traits.node]!;
  const lengths = Object.values(script).map((list) => list.length);
  const { to, pods, said } = CAUSES[kind]({ at, traits, script, noise });
  const node = nodeName(traits.node);
  if (at < traits.joinsAt + DAY_MS || to > plan.to - TAIL_MS || isTaken(plan, [node], { at, to })) {
    for (const [at, list] of Object.values(script).entries()) list.length = lengths[at]!;
    return false;
  }
  plan.truths.push({ kind, from: at, to, node, nodes: [node], pods, said, seen: unseen() });
  return true;
}

/** Of many nodes at once. */
function spread(plan: Plan, { kind, at, noise }: { kind: TroubleKind; at: number; noise: Noise }): boolean {
  const shift = kind === "fleet-shift";
  const share = shift ? noise.between(0.1, 0.3) : noise.between(0.5, 0.8);
  const to = at + (shift ? noise.whole(30, 90) : noise.whole(6, 20)) * MINUTE_MS;
  const there = plan.traits.filter(({ joinsAt }) => joinsAt + DAY_MS < at);
  const chosen = there.filter(() => noise.uniform() < share);
  const nodes = chosen.map(({ node }) => nodeName(node));
  if (nodes.length < 5 || to > plan.to - TAIL_MS || isTaken(plan, shift ? nodes : [], { at, to }))
    return false;
  const times = noise.between(1.4, 1.9);
  for (const { node } of chosen)
    if (shift) plan.scripts[node]!.lifts.push({ from: at, to, times });
    else plan.scripts[node]!.silences.push({ from: at, to, reboot: false });
  const said = `${nodes.length} nodes ${shift ? `${times.toFixed(2)} times as busy` : "silent"} for ${Math.round((to - at) / MINUTE_MS)} min`;
  plan.truths.push({ kind, from: at, to, nodes, pods: [], said, seen: unseen() });
  return true;
}

const isTaken = (plan: Plan, nodes: readonly string[], { at, to }: { at: number; to: number }): boolean =>
  plan.truths.some((of) => {
    const apart = of.node === undefined || nodes.length > 1 ? 30 * MINUTE_MS : APART_MS;
    if (of.from - apart > to || of.to + apart < at) return false;
    return nodes.length === 0 ? of.node === undefined : of.nodes.some((node) => nodes.includes(node));
  });

export const TROUBLES = [
  "flood",
  "flood-by-rate",
  "leak",
  "full",
  "ports-gradual",
  "ports-sudden",
  "destination-down",
  "scan",
  "close-wait",
  "idle",
  "invalid",
  "drift",
  "silent",
  "blind",
  "fleet-shift",
  "cluster-silent",
] as const;
export type TroubleKind = (typeof TROUBLES)[number];

/** Something that really went wrong in [from, to), epoch ms. */
export type Truth = {
  kind: TroubleKind;
  from: number;
  to: number;
  /** Of one node; undefined: of the cluster. */
  node?: string;
  /** All nodes it touches. */
  nodes: readonly string[];
  /** Indexes of the Pods that did it, where some did. */
  pods: readonly number[];
  /** How large it was meant to be, in words. */
  said: string;
  /** What it did, as the kernel counted: filled in while it happens. */
  seen: Seen;
};

export type Seen = {
  /** Highest count / max, and when it first reached that; undefined: it never did. */
  fill: number;
  at75?: number;
  at80?: number;
  at90?: number;
  at95?: number;
  /** Since when it was above that for ten minutes without a break: no passing burst on top of a leak. */
  held80?: number;
  held95?: number;
  /** Windows above that. */
  over80: number;
  over90: number;
  drops: number;
  /** When the first were dropped, and when one peer's ports were first 70 % in use. */
  droppedAt?: number;
  portsAt?: number;
  insertFailed: number;
};

export const unseen = (): Seen => ({ fill: 0, over80: 0, over90: 0, drops: 0, insertFailed: 0 });

/** What else a trouble still does so long after its end is its doing too. */
export const AFTER_MS = 10 * 60_000;

/** Rules that ought to say it, whatever it did. */
const OWN: Readonly<Record<TroubleKind, readonly string[]>> = {
  flood: ["pod-flood"],
  "flood-by-rate": ["pod-flood"],
  leak: [],
  full: [],
  "ports-gradual": ["ports"],
  "ports-sudden": ["ports"],
  "destination-down": ["half-open"],
  scan: ["half-open"],
  "close-wait": ["close-wait"],
  idle: ["idle-established"],
  invalid: ["invalid"],
  drift: ["settings-drift"],
  silent: ["silent-node"],
  blind: ["blind-agent"],
  "fleet-shift": ["fleet-shift"],
  "cluster-silent": ["silent-node"],
};

/** Rules that rightly say it: of what a table does when it fills, only what it did. */
export function rightOf({ kind, seen }: Truth): string[] {
  const right = [...OWN[kind]];
  // A leak that was stopped early is no time lost, if nobody is told.
  if (kind === "leak" && seen.held80 !== undefined) right.push("time-to-full");
  if (seen.over90 >= 3 || seen.over80 >= 6) right.push("table-pressure");
  if (seen.drops >= 600) right.push("drops");
  return right;
}

/** Since when it could be told: a slow trouble does nothing at first that some rules are about. */
export function showsAt(rule: string, { from, seen }: Truth): number {
  if (rule === "drops") return seen.droppedAt ?? from;
  if (rule === "table-pressure") return seen.at80 ?? from;
  if (rule === "ports") return seen.portsAt ?? from;
  return from;
}

import type { Rule, RuleSet, RuleSettings, Threshold, Thresholds } from "./rule.ts";
import { blindAgent } from "./blind-agent.ts";
import { closeWait } from "./close-wait.ts";
import { drops } from "./drops.ts";
import { fleetShift } from "./fleet-shift.ts";
import { halfOpen } from "./half-open.ts";
import { idleEstablished } from "./idle-established.ts";
import { invalidPackets } from "./invalid.ts";
import { podFlood } from "./pod-flood.ts";
import { ports } from "./ports.ts";
import { settingsDrift } from "./settings-drift.ts";
import { silentNode } from "./silent-node.ts";
import { tablePressure } from "./table-pressure.ts";
import { timeToFull } from "./time-to-full.ts";

/** All rules there are, in the order in which they are listed. */
export const RULES: readonly Rule[] = [
  podFlood,
  fleetShift,
  halfOpen,
  invalidPackets,
  tablePressure,
  timeToFull,
  drops,
  ports,
  closeWait,
  idleEstablished,
  settingsDrift,
  silentNode,
  blindAgent,
];

const BY_NAME: ReadonlyMap<string, Rule> = new Map(RULES.map((rule) => [rule.name, rule]));

export const ruleNamed = (name: string): Rule | undefined => BY_NAME.get(name);

/** Rules are on until users switch them off. */
export const isEnabled = (rule: Rule, { settings }: RuleSet): boolean =>
  settings[rule.name]?.enabled !== false;

/** Thresholds in force: what users set, else the defaults. What was set for another revision and is none now has no effect. */
export function thresholdsOf(rule: Rule, { settings }: RuleSet): Thresholds {
  const given = settings[rule.name]?.thresholds ?? {};
  const isSet = new Set<string>();
  const limits = Object.fromEntries(
    Object.entries(rule.thresholds).map(([name, threshold]) => {
      const value = Object.hasOwn(given, name) ? given[name] : undefined;
      const isFit = value !== undefined && value >= threshold.min && value <= threshold.max;
      if (isFit) isSet.add(name);
      return [name, isFit ? value : threshold.default];
    }),
  );
  for (const chain of rule.ascending ?? []) moveAlong(rule, chain, { limits, isSet });
  return limits;
}

const CLOSES = /^close|Close$/;

/** Where it is all well again goes along with what was set, by the same part, unless it was set itself. */
function moveAlong(
  { thresholds }: Rule,
  chain: readonly string[],
  { limits, isSet }: { limits: Record<string, number>; isSet: ReadonlySet<string> },
): void {
  for (const [at, name] of chain.entries()) {
    const own = thresholds[name];
    if (!own || !CLOSES.test(name) || isSet.has(name)) continue;
    const [before = name, after] = [chain[at - 1], chain[at + 1]];
    const opens = after ?? before;
    const limit = limits[opens] ?? own.default;
    const isWrong = after === undefined ? own.default < limit : own.default > limit;
    if (isWrong) limits[name] = inProportion(own, limit, thresholds[opens]?.default ?? limit);
  }
}

const inProportion = (own: Threshold, limit: number, was: number): number =>
  Math.min(own.max, Math.max(own.min, was > 0 ? own.default * (limit / was) : own.default));

/** What is wrong with one of the settings; `path` leads to it. */
export type SettingsComplaint = { path: string[]; message: string };

/** All that is wrong with what users want to set; nothing where it may be set. */
export function complaintsAbout(settings: Readonly<Record<string, RuleSettings>>): SettingsComplaint[] {
  return Object.entries(settings).flatMap(([name, { thresholds = {} }]) => {
    const rule = ruleNamed(name);
    if (!rule)
      return [{ path: [name], message: `no such rule; there are ${[...BY_NAME.keys()].join(", ")}` }];
    const wrong = Object.entries(thresholds).flatMap(([threshold, value]) =>
      complaintsOf(rule, threshold, value),
    );
    return wrong.length > 0 ? wrong : disorderOf(rule, { version: 0, settings });
  });
}

function complaintsOf(rule: Rule, name: string, value: number): SettingsComplaint[] {
  const path = [rule.name, "thresholds", name];
  if (!Object.hasOwn(rule.thresholds, name)) {
    const names = Object.keys(rule.thresholds).join(", ");
    return [{ path, message: `no threshold of ${rule.name}; it has ${names || "none"}` }];
  }
  const { min, max, unit } = rule.thresholds[name] ?? { min: 0, max: 0, unit: "" };
  return value >= min && value <= max
    ? []
    : [{ path, message: `is ${value}, not from ${min} to ${max} (${unit})` }];
}

function disorderOf(rule: Rule, set: RuleSet): SettingsComplaint[] {
  const limits = thresholdsOf(rule, set);
  return (rule.ascending ?? []).flatMap((names) =>
    names.flatMap((name, i) => {
      const next = names[i + 1];
      const [low, high] = [limits[name] ?? 0, limits[next ?? name] ?? 0];
      if (next === undefined || low <= high) return [];
      const path = [rule.name, "thresholds", name];
      return [{ path, message: `is ${low}, above ${next}, which is ${high}` }];
    }),
  );
}

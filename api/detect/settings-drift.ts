import { defineClusterRule } from "./rule.ts";
import type { Finding, Judged, SettingsView, Subject, Thresholds } from "./rule.ts";
import { isCompared, waysOf } from "./settings-compared.ts";
import { keyOf } from "./subject.ts";
import { HOUR_MS, MINUTE_MS } from "./window.ts";

const thresholds = {
  nodes: {
    default: 5,
    min: 2,
    max: 100_000,
    unit: "nodes",
    title: "Of fewer nodes nobody knows what is meant",
  },
  agree: {
    default: 0.8,
    min: 0.51,
    max: 1,
    unit: "ratio",
    title: "So large a part of the nodes is set the same",
  },
};
type Name = keyof typeof thresholds;

/** A node is set otherwise than nearly all nodes of its cluster. */
export const settingsDrift = defineClusterRule<Name>({
  name: "settings-drift",
  revision: 1,
  title: "A node is set otherwise than the others",
  unit: "nodes",
  thresholds,
  policy: {
    need: { windows: 2, ms: 0 },
    clearMs: 2 * MINUTE_MS,
    cooldownMs: HOUR_MS,
  },
  judge({ settings }, limits, known) {
    const lives = new Set(known.map(({ key }) => key));
    const names = new Set(settings.flatMap(({ sysctls }) => Object.keys(sysctls)).filter(isCompared));
    return [...names].flatMap((name) => judgedSetting(name, settings, limits, lives));
  },
});

/** What a node has, and what it counts as in each way of comparing. */
type Held = { view: SettingsView; value: string; ways: (string | undefined)[] };
/** What nearly all are in one way of comparing; undefined: there is no such thing. */
type Agreed = { is: string; nodes: number } | undefined;

function judgedSetting(
  name: string,
  settings: readonly SettingsView[],
  limits: Thresholds<Name>,
  lives: ReadonlySet<string>,
): Judged[] {
  const held = settings.flatMap((view): Held[] => {
    const [value, ways] = [view.sysctls[name], waysOf(name, view)];
    return value === undefined || ways.every((way) => way === undefined) ? [] : [{ view, value, ways }];
  });
  const agreed = (held[0]?.ways ?? []).map((_, way) => agreedOf(held, way, limits));
  const isUsual = ({ ways }: Held) => agreed.some((one, way) => one !== undefined && ways[way] === one.is);
  const usual = held.find(isUsual);
  const nodes = Math.max(...agreed.map((one) => one?.nodes ?? 0));
  return held.flatMap((one): Judged[] => {
    const verdict = isUsual(one) ? "clear" : usual ? "bad" : "between";
    const subject = subjectOf(one.view, name);
    if (verdict !== "bad" && !lives.has(subject.key)) return [];
    const measured = { value: nodes, facts: factsOf(name, one, { usual, of: held.length }) };
    const finding: Finding =
      verdict === "bad" ? { verdict, severity: "warning", ...measured } : { verdict, ...measured };
    return [{ subject, finding }];
  });
}

function agreedOf(held: readonly Held[], way: number, { nodes, agree }: Thresholds<Name>): Agreed {
  const counts = new Map<string, number>();
  for (const { ways } of held) {
    const is = ways[way];
    if (is !== undefined) counts.set(is, (counts.get(is) ?? 0) + 1);
  }
  const [is, most] = [...counts].reduce<[string, number]>((a, b) => (b[1] > a[1] ? b : a), ["", 0]);
  return held.length >= nodes && most >= agree * held.length ? { is, nodes: most } : undefined;
}

const subjectOf = ({ node }: SettingsView, setting: string): Subject => ({
  kind: "setting",
  key: keyOf(node, setting),
  node,
  setting,
});

/** `before`: what the node had until `since`, where it is known to have changed. */
function factsOf(
  name: string,
  { view, value }: Held,
  { usual, of }: { usual: Held | undefined; of: number },
): Record<string, string | number> {
  const before = view.before?.[name];
  return {
    setting: name,
    set: value,
    nodes: of,
    ...(usual && { usual: usual.value }),
    ...(before !== undefined && before !== value && { before, since: view.since }),
  };
}

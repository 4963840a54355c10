import type { ClusterView, Look, Need, NodeWindow } from "../../../db/look.ts";
import { agesOf, flowsOf, invalidOf, portsOf } from "./detail.ts";
import { SimNode } from "./node.ts";
import { type FleetSize, type Plan, planOf } from "./plan.ts";
import { SYSCTLS } from "./trouble.ts";
import type { Seen, Truth } from "./truth.ts";

const FIVE_MINUTES_MS = 300_000;
/** Views are taken so long after a window's end: then its reports have come. */
export const VIEW_AFTER_MS = 5_000;

/** A cluster of simulated nodes, stepped window by window. */
export class SimFleet {
  readonly plan: Plan;
  readonly nodes: SimNode[];
  private from: number;
  private latest: NodeWindow[] | undefined;
  private readonly settings = new Map<number, ClusterView["settings"][number]>();
  private readonly byNode: Truth[][];
  /** Since when tables have been above marks. */
  private readonly runs = new Map<Truth, Runs>();

  constructor(size: FleetSize) {
    this.plan = planOf(size);
    this.from = this.plan.from;
    this.nodes = this.plan.traits.map(
      (traits, at) => new SimNode(size.seed, traits, this.plan.scripts[at]!, size.windowS),
    );
    this.byNode = this.nodes.map(({ name }) => this.plan.truths.filter(({ node }) => node === name));
  }

  get at(): number {
    return this.from;
  }

  get isOver(): boolean {
    return this.from >= this.plan.to;
  }

  /** Steps all nodes by one window; `told` hears of each window, before the node remembers it. */
  step(told: (window: NodeWindow, node: SimNode) => void): void {
    for (const node of this.nodes) {
      const window = node.step(this.from);
      this.note(node);
      if (window === undefined) continue;
      told(window, node);
      node.memory.add(window);
    }
    this.from += this.plan.size.windowS * 1_000;
    this.latest = undefined;
  }

  /** A part is drawn when it is read first: many rules read none but the first. */
  look(node: SimNode, window: NodeWindow, need: Need): Look {
    const { memory } = node;
    const dumped = window.takenAt !== undefined && window.entries !== undefined;
    return lazily({
      window: () => window,
      recent: () => memory.recentBefore(window),
      trend: need.trend && (() => memory.trend(window.to)),
      hours: need.hours && (() => memory.hours(window.to)),
      peers: need.peers && (() => this.peersOf(window)),
      flows: dumped && need.flows && (() => flowsOf(node, window, need.flows?.medianFrom)),
      ports: dumped && need.ports && (() => portsOf(node, window)),
      ages: dumped && need.ages && (() => agesOf(node)),
      invalid: need.invalid && (() => invalidOf(window)),
    });
  }

  /** The cluster after the last step. */
  view(): ClusterView {
    const at = this.from + VIEW_AFTER_MS;
    this.setSysctls();
    return {
      at,
      watchedSince: this.plan.from,
      nodes: this.nodes
        .filter(({ latest }) => latest !== undefined)
        .map(({ nodeId, name, latest, memory, traits }) => ({
          nodeId,
          node: name,
          firstSeenAt: traits.joinsAt,
          lastSeenAt: latest!.receivedAt,
          window: latest!,
          recent: memory.recent.filter(
            ({ from }) => from >= latest!.to - FIVE_MINUTES_MS && from < latest!.from,
          ),
          hours: memory.hours(latest!.to),
        })),
      settings: [...this.settings.values()],
    };
  }

  private peersOf(window: NodeWindow): NodeWindow[] {
    this.latest ??= this.nodes
      .map(({ memory }) => memory.recent.at(-1))
      .filter((of): of is NodeWindow => of !== undefined && of.to > window.from - FIVE_MINUTES_MS);
    return this.latest.filter(({ nodeId }) => nodeId !== window.nodeId);
  }

  private setSysctls(): void {
    for (const { nodeId, name, script, traits, latest } of this.nodes) {
      if (latest === undefined) continue;
      const known = this.settings.get(nodeId);
      if (!known)
        this.settings.set(nodeId, { node: name, nodeId, since: traits.joinsAt, sysctls: SYSCTLS, cores: 8 });
      const last = script.settings.findLast((change) => change.at < this.from);
      if (!known || !last || last.at <= known.since) continue;
      const sysctls = { ...known.sysctls, ...last.set };
      this.settings.set(nodeId, { ...known, since: last.at, sysctls, before: known.sysctls });
    }
  }

  /** What the troubles of this node did. */
  private note(node: SimNode): void {
    const to = this.from + this.plan.size.windowS * 1_000;
    for (const truth of this.byNode[node.traits.node]!) {
      if (this.from < truth.from || this.from >= truth.to) continue;
      const runs = this.runs.get(truth) ?? new Map();
      this.runs.set(truth, runs);
      noteSeen(truth.seen, node.state, to);
      noteHeld({ seen: truth.seen, runs }, node.state.fill, to);
    }
  }
}

function lazily(parts: Record<keyof Look, (() => unknown) | undefined | false>): Look {
  const look: Record<string, unknown> = {};
  for (const [name, make] of Object.entries(parts))
    if (make)
      Object.defineProperty(look, name, {
        configurable: true,
        enumerable: true,
        get() {
          const value = make();
          Object.defineProperty(look, name, { value, enumerable: true });
          return value;
        },
      });
  return look as Look;
}

type Runs = Map<(typeof HELD)[number][0], number>;

function noteSeen(seen: Seen, { fill, drops, insertFailed, ports }: SimNode["state"], to: number): void {
  seen.fill = Math.max(seen.fill, fill);
  seen.drops += drops;
  seen.insertFailed += insertFailed;
  if (drops > 5) seen.droppedAt ??= to;
  if (ports >= 0.7) seen.portsAt ??= to;
  if (fill >= 0.8) seen.over80 += 1;
  if (fill >= 0.9) seen.over90 += 1;
  for (const [name, mark] of MARKS) if (fill >= mark) seen[name] ??= to;
}

function noteHeld({ seen, runs }: { seen: Seen; runs: Runs }, fill: number, to: number): void {
  for (const [name, mark] of HELD) {
    if (fill < mark) runs.delete(name);
    else if (to - (runs.get(name) ?? to) >= HELD_MS) seen[name] ??= runs.get(name)!;
    else if (!runs.has(name)) runs.set(name, to);
  }
}

const MARKS = [
  ["at75", 0.75],
  ["at80", 0.8],
  ["at90", 0.9],
  ["at95", 0.95],
] as const;
const HELD = [
  ["held80", 0.8],
  ["held95", 0.95],
] as const;
const HELD_MS = 10 * 60_000;

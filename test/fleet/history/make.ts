import { toStoredReport } from "../../../api/stored.ts";
import type { Report } from "../../../api/wire.ts";
import { encodeBucket } from "../../../db/bucket.ts";
import { ClusterFold, foldBuckets, foldWindows, type FoldWindow, type Slot } from "../../../db/fold.ts";
import type { Bucket } from "../../../db/fold/table.ts";
import { type BucketTier, HOUR, MINUTE, SLOT_MS, TEN_MINUTES } from "../../../db/tiers.ts";
import type { Fleet } from "../fleet.ts";
import { holdersOf } from "./holders.ts";
import type { BucketRow, Eras, Of, Parcel } from "./parcel.ts";
import { scaled } from "./scaled.ts";
import { sampleRows } from "./samples.ts";

/** Length of the windows of the last day, in ms: an interval an agent may be set to, and half the work of a minute. */
export const WINDOW_MS = 120_000;
/** Of those that go on live. */
export const TAIL_WINDOW_MS = 60_000;
/** For so long a node is looked at of which the windows are not kept. */
const LOOK_MS = SLOT_MS[TEN_MINUTES];
const HOUR_MS = SLOT_MS[HOUR];

type Look = { index: number; report: Report };
type NodeWindows = { index: number; node: string; windows: FoldWindow[] };

/**
 * The history of one cluster, hour by hour.
 *
 * What is older than the windows was never stored as windows: each node is looked at once a slot, through the same summary,
 * for ten minutes, and the very functions of the tick fold that one look. In an hour it stands for all six: counts are
 * then six times those of the look. Gauges are those at its end, where many windows would give the highest. Rows are as many
 * and as long as folding gives.
 */
export class HistoryOf {
  private readonly fleet: Fleet;
  private readonly cluster: string;
  private readonly clusterId: number;

  constructor(fleet: Fleet, cluster: string, clusterId: number) {
    this.fleet = fleet;
    this.cluster = cluster;
    this.clusterId = clusterId;
  }

  *parcels({ hours, tenMinutes, windows, minutes, tail, end }: Eras): Generator<Parcel> {
    for (let at = hours; at < tenMinutes; at += HOUR_MS) yield this.hour(at);
    for (let at = tenMinutes; at < windows; at += HOUR_MS) yield this.hourOfTenMinutes(at);
    for (let at = windows; at < tail; at += HOUR_MS) yield this.hourOfWindows(at, at >= minutes);
    for (let at = tail; at < end; at += HOUR_MS) yield this.unfolded(at, Math.min(at + HOUR_MS, end));
  }

  private hour(start: number): Parcel {
    const parcel = this.parcel(start + HOUR_MS);
    this.coarse(parcel, HOUR, start);
    return parcel;
  }

  private hourOfTenMinutes(start: number): Parcel {
    const parcel = this.parcel(start + HOUR_MS);
    const made: { node: Of; bucket: Bucket }[] = [];
    for (let at = start; at < start + HOUR_MS; at += SLOT_MS[TEN_MINUTES])
      made.push(...this.coarse(parcel, TEN_MINUTES, at));
    this.fold(parcel, { tier: HOUR, start }, made);
    parcel.folds.push({ tier: HOUR, start, of: "both" });
    return parcel;
  }

  /** Buckets of one look at each node; what it says of flows goes nowhere else. */
  private coarse(parcel: Parcel, tier: BucketTier, start: number) {
    const slot = { start, end: start + SLOT_MS[tier] };
    const times = SLOT_MS[tier] / LOOK_MS;
    const looks = this.looks({ start: slot.end - LOOK_MS, end: slot.end }, LOOK_MS).map((look) => ({
      ...look,
      report: scaled(look.report, times),
    }));
    const stored = looks.map(({ report }) => {
      this.say(parcel, report);
      return toStoredReport(report, this.clusterId, slot.end);
    });
    parcel.samples.push(...sampleRows({ tier, start }, stored));
    const nodes = looks.map((look) => ({
      index: look.index,
      node: look.report.node.name,
      windows: [foldWindow(look.report)],
    }));
    const made = [...this.nodeBuckets(slot, nodes), this.clusterBucket(slot, nodes)];
    for (const { node, bucket } of made)
      parcel.buckets.push({ tier, start, node, data: encodeBucket(bucket) });
    return made;
  }

  private hourOfWindows(start: number, kept: boolean): Parcel {
    const parcel = this.parcel(start + HOUR_MS);
    const tens: { node: Of; bucket: Bucket }[] = [];
    for (let at = start; at < start + HOUR_MS; at += SLOT_MS[TEN_MINUTES]) {
      const slot = { start: at, end: at + SLOT_MS[TEN_MINUTES] };
      const nodes = this.windowsOf(parcel, slot);
      // Where minutes are not kept, what is folded is the moments of the windows.
      const minutes = this.moments(slot, nodes, kept ? SLOT_MS[MINUTE] : WINDOW_MS);
      if (kept)
        for (const { start, bucket } of minutes) {
          parcel.buckets.push(encoded(MINUTE, start, { node: null, bucket }));
        }
      const made = [
        ...this.nodeBuckets(slot, nodes),
        { node: null, bucket: foldBuckets(minutes.map(({ bucket }) => bucket)) },
      ];
      parcel.buckets.push(...made.map((row) => encoded(TEN_MINUTES, at, row)));
      parcel.folds.push(
        ...minutes.map(({ start }) => ({ tier: MINUTE as BucketTier, start, of: "cluster" as const })),
      );
      parcel.folds.push(
        { tier: TEN_MINUTES, start: at, of: "nodes" },
        { tier: TEN_MINUTES, start: at, of: "cluster" },
      );
      tens.push(...made);
    }
    this.fold(parcel, { tier: HOUR, start }, tens);
    parcel.folds.push({ tier: HOUR, start, of: "both" });
    return parcel;
  }

  private windowsOf(parcel: Parcel, slot: Slot): NodeWindows[] {
    const nodes = new Map<number, NodeWindows>();
    for (const { index, report } of this.looks(slot, WINDOW_MS)) {
      this.say(parcel, report);
      parcel.stored.push(toStoredReport(report, this.clusterId, report.window.to));
      const known = nodes.get(index) ?? { index, node: report.node.name, windows: [] };
      known.windows.push(foldWindow(report));
      nodes.set(index, known);
    }
    return [...nodes.values()];
  }

  private moments({ start, end }: Slot, nodes: readonly NodeWindows[], ms: number) {
    return Array.from({ length: (end - start) / ms }, (_, moment) => {
      const at = start + moment * ms;
      return { start: at, ...this.clusterBucket({ start: at, end: at + ms }, nodes) };
    });
  }

  /** Windows that the service has not looked at yet. */
  private unfolded(from: number, to: number): Parcel {
    const parcel = this.parcel(to);
    for (const { report } of this.looks({ start: from, end: to }, TAIL_WINDOW_MS))
      parcel.stored.push(toStoredReport(report, this.clusterId, report.window.to));
    return parcel;
  }

  private nodeBuckets(slot: Slot, nodes: readonly NodeWindows[]) {
    return nodes.map(({ index, node, windows }) => ({
      node: node as Of,
      bucket: foldWindows(slot, windows, holdersOf(this.fleet.cluster(this.cluster), index)),
    }));
  }

  private clusterBucket(slot: Slot, nodes: readonly NodeWindows[]) {
    const fold = new ClusterFold(slot);
    for (const { index, node, windows } of nodes) {
      const reaching = windows.filter(({ start, end }) => start < slot.end && end > slot.start);
      if (reaching.length > 0) fold.add(node, reaching, holdersOf(this.fleet.cluster(this.cluster), index));
    }
    return { node: null as Of, bucket: fold.finish() };
  }

  private fold(
    parcel: Parcel,
    { tier, start }: { tier: BucketTier; start: number },
    finer: readonly { node: Of; bucket: Bucket }[],
  ) {
    for (const [node, of] of Map.groupBy(finer, (row) => row.node))
      parcel.buckets.push(
        encoded(tier, start, { node, bucket: foldBuckets(of.map(({ bucket }) => bucket)) }),
      );
  }

  private looks({ start, end }: Slot, intervalMs: number): Look[] {
    const index = new Map<string, number>();
    const cluster = this.fleet.cluster(this.cluster);
    for (let node = 0; node < cluster.spec.nodes; node += 1) index.set(cluster.nodeName(node), node);
    const asked = { from: start, to: end, intervalMs, clusters: [this.cluster] };
    return [...this.fleet.reports(asked)].map(({ report }) => ({
      index: index.get(report.node.name)!,
      report,
    }));
  }

  private say(parcel: Parcel, { node, window, owners, host }: Report): void {
    if (owners || host) parcel.said.push({ node: node.name, from: window.from, to: window.to, owners, host });
  }

  private parcel(until: number): Parcel {
    return { cluster: this.cluster, until, stored: [], said: [], buckets: [], samples: [], folds: [] };
  }
}

const foldWindow = ({ window, flows, completeness }: Report): FoldWindow => ({
  start: window.from,
  end: window.to,
  segment: { ...flows!, untracked: completeness.untracked },
});

const encoded = (
  tier: BucketTier,
  start: number,
  { node, bucket }: { node: Of; bucket: Bucket },
): BucketRow => ({
  tier,
  node,
  start,
  data: encodeBucket(bucket),
});

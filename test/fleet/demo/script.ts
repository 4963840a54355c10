import { SLOT_MS, HOUR } from "../../../db/tiers.ts";
import type { Eras } from "../history/parcel.ts";
import { hourBefore } from "../history/store.ts";
import type { ClusterSpec, FleetOptions, TroubleSpec } from "../spec.ts";
import { workloadsOf } from "../workloads.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = SLOT_MS[HOUR];
const DAY_MS = 24 * HOUR_MS;

export interface Size {
  nodes: number;
  pods: number;
  /** In windows, and before that in coarser tiers. */
  windowHours: number;
  coarseDays: number;
}

/** Small nodes: what is told of them is as much as of large ones, and made in half the time. */
export const FULL: Size = { nodes: 8, pods: 12, windowHours: 24, coarseDays: 14 };
export const TINY: Size = { nodes: 2, pods: 12, windowHours: 3, coarseDays: 0.25 };

const TEMPO = 0.6;
/** Pairs of queries a second, of which some percent lose a packet: enough for the rule about drops. */
const RACE_RATE = 200;
/** Of the coarse part, so much is in ten minutes too. */
const TEN_MINUTES_MS = DAY_MS;
const MINUTES_MS = 3 * HOUR_MS;

/** Until `now`, which is a whole minute. */
export function erasOf({ windowHours, coarseDays }: Size, now: number): Eras {
  const windows = hourBefore(now, windowHours * HOUR_MS);
  const hours = windows - coarseDays * DAY_MS;
  const tail = hourBefore(now, 0);
  return {
    hours,
    tenMinutes: Math.max(hours, windows - TEN_MINUTES_MS),
    windows,
    minutes: Math.max(windows, tail - MINUTES_MS),
    tail,
    end: now,
  };
}

/** Three clusters, of which the shop has trouble: some that is over, some that goes on. */
export function fleetOf(
  size: Size,
  { seed, eras, now }: { seed: number; eras: Eras; now: number },
): FleetOptions {
  const { nodes, pods } = size;
  const of = { nodes, pods, tempo: TEMPO, tableMax: 32_768 };
  const clusters: ClusterSpec[] = [
    { ...of, name: "shop", natAddresses: 2 },
    {
      ...of,
      name: "media",
      workloads: workloadsOf("media", ["origin", "player", "transcoder", "thumbnails"]),
      accounting: true,
      ipv6Share: 0.3,
      kubeProxy: "nftables",
    },
    {
      ...of,
      name: "batch",
      workloads: workloadsOf("etl", ["catalog", "scheduler", "spark-executor", "nightly"]),
      shiftHours: 12,
      events: "lossy",
      kubeProxy: "ipvs",
    },
  ];
  return { seed, from: eras.hours, clusters, trouble: troubleOf(size, eras, now) };
}

function troubleOf({ nodes }: Size, eras: Eras, now: number): TroubleSpec[] {
  const shop = (kind: TroubleSpec["kind"], node: number, from: number, to: number): TroubleSpec => ({
    kind,
    cluster: "shop",
    node: node % nodes,
    // What begins before the windows would be looked at too rarely to be seen.
    from: Math.max(eras.windows, from),
    to,
  });
  const ago = (hours: number) => now - hours * HOUR_MS;
  const goesOn = now + 7 * DAY_MS;
  const all = [
    shop("snat-flood", 2, now - 40 * MINUTE_MS, goesOn),
    shop("half-open", 5, now - 15 * MINUTE_MS, goesOn),
    { ...shop("sysctl-drift", 6, ago(30), goesOn), sysctl: DRIFT },
    shop("table-leak", 4, ago(9), ago(7)),
    { ...shop("dns-race", 1, ago(14), ago(13)), rate: RACE_RATE },
  ];
  return all.filter(({ from, to }) => from < to);
}

const DRIFT = ["net.netfilter.nf_conntrack_tcp_timeout_established", "600"] as const;

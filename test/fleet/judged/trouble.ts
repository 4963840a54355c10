import type { Noise } from "./noise.ts";
import type { Script } from "./script.ts";
import { CLOSE_S, CLOSE_WAIT_S, SYN_SENT_S, TIME_WAIT_S } from "./stream.ts";
import { PODS, podsOf, TABLE_MAX, type Traits, WORKLOADS } from "./traits.ts";
import type { TroubleKind, Truth } from "./truth.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Where a trouble is to happen. */
export type Place = { at: number; traits: Traits; script: Script; noise: Noise };
type Caused = Pick<Truth, "to" | "pods" | "said">;

/** How each trouble of one node is written into its script; sizes are drawn, and not chosen for any rule. */
export const CAUSES: Readonly<
  Record<Exclude<TroubleKind, "fleet-shift" | "cluster-silent">, (place: Place) => Caused>
> = {
  flood: ({ at, script, noise }) => {
    const entries = noise.whole(40_000, 150_000);
    const to = at + noise.whole(3, 30) * MINUTE_MS;
    const pods = [noise.whole(0, PODS - 1)];
    const peers = Math.ceil(entries / 45_000) + noise.whole(0, 3);
    const perSecond = entries / ((to - at) / 1_000);
    script.activities.push({
      from: at,
      to,
      form: "tcp",
      meanS: 24 * 3_600,
      ends: true,
      perSecond,
      pods,
      snat: true,
      peers: range(100, peers),
      port: 443,
    });
    return { to, pods, said: `${entries} entries to ${peers} peers in ${minutes(to - at)} min` };
  },
  "flood-by-rate": ({ at, script, traits, noise }) => {
    const usual = traits.classes.reduce((sum, { perSecond }) => sum + perSecond, 0);
    const perSecond = Math.max(150, usual * noise.between(1.5, 4));
    const to = at + noise.whole(5, 30) * MINUTE_MS;
    const pods = [noise.whole(0, PODS - 1)];
    const activity = { from: at, to, form: "tcp", meanS: 0.5, lingerS: CLOSE_S, perSecond, pods } as const;
    script.activities.push({ ...activity, snat: true, peers: range(110, 3), port: 443 });
    return { to, pods, said: `${Math.round(perSecond)} flows/s for ${minutes(to - at)} min` };
  },
  leak: ({ at, script, noise }) => {
    const perHour = noise.whole(3_000, 15_000);
    // Until it is full, or somebody stops it.
    const full = (TABLE_MAX / perHour) * HOUR_MS;
    const to = at + Math.round(noise.uniform() < 0.75 ? full : full * noise.between(0.15, 0.6));
    const pods = [noise.whole(0, PODS - 1)];
    script.activities.push({
      from: at,
      to,
      form: "tcp",
      meanS: 1_000 * 3_600,
      ends: true,
      perSecond: perHour / 3_600,
      pods,
      snat: noise.uniform() < 0.5,
      peers: range(120, 8),
      port: 9_200,
      idle: true,
    });
    return { to, pods, said: `${perHour} entries/h for ${Math.round((to - at) / HOUR_MS)} h` };
  },
  full: ({ at, script, noise }) => {
    const workload = noise.whole(0, WORKLOADS.length - 1);
    const pods = podsOf(workload);
    const fillMs = noise.whole(4, 20) * MINUTE_MS;
    const to = at + fillMs + noise.whole(10, 40) * MINUTE_MS;
    const perSecond = (1.1 * TABLE_MAX) / (fillMs / 1_000);
    script.activities.push({
      from: at,
      to,
      form: "tcp",
      meanS: 24 * 3_600,
      ends: true,
      perSecond,
      pods,
      snat: false,
      peers: range(140, 12),
      port: 8_080,
    });
    return { to, pods, said: `full in ${minutes(fillMs)} min, for ${minutes(to - at - fillMs)} min` };
  },
  "ports-gradual": (place) => ports(place, place.noise.whole(90, 360) * MINUTE_MS),
  "ports-sudden": (place) => ports(place, place.noise.whole(4, 20) * MINUTE_MS),
  "destination-down": ({ at, script, noise }) => {
    const pods = podsOf(noise.whole(0, WORKLOADS.length - 1));
    const perSecond = noise.between(30, 200);
    const to = at + noise.whole(5, 45) * MINUTE_MS;
    script.activities.push({
      from: at,
      to,
      form: "syn",
      meanS: 0,
      lingerS: SYN_SENT_S,
      perSecond,
      pods,
      snat: noise.uniform() < 0.6,
      peers: [66],
      port: 5_432,
    });
    return { to, pods, said: `${Math.round(perSecond)} SYN/s to one peer for ${minutes(to - at)} min` };
  },
  scan: ({ at, script, noise }) => {
    const pods = [noise.whole(0, PODS - 1)];
    const perSecond = noise.between(50, 400);
    const to = at + noise.whole(5, 30) * MINUTE_MS;
    const activity = { from: at, to, form: "syn", meanS: 0, lingerS: SYN_SENT_S, perSecond, pods } as const;
    script.activities.push({ ...activity, snat: true, peers: range(1, 250), port: 445 });
    return { to, pods, said: `${Math.round(perSecond)} SYN/s to 250 peers for ${minutes(to - at)} min` };
  },
  "close-wait": ({ at, script, noise }) => {
    const pods = [noise.whole(0, PODS - 1)];
    const perHour = noise.whole(2_000, 15_000);
    const rampMs = noise.uniform() < 0.5 ? noise.whole(1, 4) * HOUR_MS : undefined;
    const to = at + noise.whole(4, 12) * HOUR_MS;
    script.activities.push({
      from: at,
      to,
      form: "close-wait",
      meanS: CLOSE_WAIT_S,
      lingerS: 0,
      perSecond: perHour / 3_600,
      pods,
      snat: false,
      peers: [77],
      port: 3_306,
      ...(rampMs !== undefined && { rampMs }),
    });
    return { to, pods, said: `${perHour} CLOSE_WAIT/h${rampMs ? `, after ${minutes(rampMs)} min` : ""}` };
  },
  idle: ({ at, script, noise }) => {
    const pods = podsOf(noise.whole(0, WORKLOADS.length - 1));
    const perHour = noise.whole(1_500, 6_000);
    const to = at + noise.whole(14, 24) * HOUR_MS;
    script.activities.push({
      from: at,
      to,
      form: "tcp",
      meanS: 48 * 3_600,
      ends: true,
      perSecond: perHour / 3_600,
      pods,
      snat: false,
      peers: range(150, 6),
      port: 6_379,
      idle: true,
    });
    return { to, pods, said: `${perHour} idle/h for ${Math.round((to - at) / HOUR_MS)} h` };
  },
  invalid: ({ at, script, noise }) => {
    const perSecond = noise.between(20, 200);
    const to = at + noise.whole(5, 40) * MINUTE_MS;
    script.invalid.push({ from: at, to, perSecond });
    return { to, pods: [], said: `${Math.round(perSecond)} invalid/s for ${minutes(to - at)} min` };
  },
  drift: ({ at, script, noise }) => {
    const [name, value] = noise.pick(DRIFTS);
    const to = at + noise.whole(2, 24) * HOUR_MS;
    script.settings.push({ at, set: { [name]: value } }, { at: to, set: { [name]: SYSCTLS[name]! } });
    return { to, pods: [], said: `${name} = ${value}` };
  },
  silent: ({ at, script, noise }) => {
    const to = at + noise.whole(6, 60) * MINUTE_MS;
    script.silences.push({ from: at, to, reboot: noise.uniform() < 0.5 });
    return { to, pods: [], said: `for ${minutes(to - at)} min` };
  },
  blind: ({ at, script, noise }) => {
    const how = noise.pick(["no-source", "frozen", "empty"] as const);
    const to = at + noise.whole(15, 90) * MINUTE_MS;
    script.blind.push({ from: at, to, how });
    return { to, pods: [], said: `${how} for ${minutes(to - at)} min` };
  },
};

function ports({ at, script, noise }: Place, fillMs: number): Caused {
  const pods = noise.uniform() < 0.7 ? [noise.whole(0, PODS - 1)] : podsOf(noise.whole(0, 11));
  const to = at + fillMs + noise.whole(20, 60) * MINUTE_MS;
  const perSecond = 64_512 / (fillMs / 1_000);
  script.activities.push({
    from: at,
    to,
    form: "tcp",
    meanS: 24 * 3_600,
    lingerS: TIME_WAIT_S,
    ends: true,
    perSecond,
    pods,
    snat: true,
    peers: [50],
    port: 5_432,
  });
  return { to, pods, said: `one peer's ports in ${minutes(fillMs)} min` };
}

export const SYSCTLS: Readonly<Record<string, string>> = {
  "net.netfilter.nf_conntrack_max": String(TABLE_MAX),
  "net.netfilter.nf_conntrack_buckets": String(TABLE_MAX),
  "net.netfilter.nf_conntrack_tcp_timeout_established": "86400",
  "net.netfilter.nf_conntrack_tcp_timeout_close_wait": "3600",
  "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "120",
  "net.netfilter.nf_conntrack_tcp_timeout_syn_sent": "120",
  "net.netfilter.nf_conntrack_udp_timeout": "30",
  "net.netfilter.nf_conntrack_udp_timeout_stream": "120",
  "net.netfilter.nf_conntrack_tcp_be_liberal": "0",
  "net.netfilter.nf_conntrack_tcp_loose": "1",
  "net.netfilter.nf_conntrack_acct": "0",
  "net.netfilter.nf_conntrack_events": "1",
  "net.netfilter.nf_conntrack_checksum": "1",
};
const DRIFTS = [
  ["net.netfilter.nf_conntrack_tcp_timeout_established", "432000"],
  ["net.netfilter.nf_conntrack_tcp_timeout_close_wait", "60"],
  ["net.netfilter.nf_conntrack_tcp_be_liberal", "1"],
  ["net.netfilter.nf_conntrack_tcp_loose", "0"],
  ["net.netfilter.nf_conntrack_buckets", "16384"],
] as const;

const range = (first: number, length: number): number[] => Array.from({ length }, (_, at) => first + at);
const minutes = (ms: number): number => Math.round(ms / MINUTE_MS);

import { chance, seedOf } from "../random.ts";
import { Noise } from "./noise.ts";
import { CLOSE_WAIT_S, type Life, SYN_SENT_S, TIME_WAIT_S, UDP_S } from "./stream.ts";

export const TABLE_MAX = 262_144;
export const PODS = 40;
export const WORKLOADS = [
  ["shop", "checkout"],
  ["shop", "cart"],
  ["shop", "catalogue"],
  ["shop", "search"],
  ["payments", "ledger"],
  ["payments", "gateway"],
  ["media", "resize"],
  ["media", "upload"],
  ["data", "ingest"],
  ["data", "export"],
  ["platform", "mesh-proxy"],
  ["platform", "metrics"],
] as const;

/** Kinds of traffic of a node, in the order of its streams. */
export const CLASSES = ["service", "egress", "pool", "dns", "syslog", "failing", "forgotten"] as const;
const LIVES: readonly Life[] = [
  { form: "tcp", meanS: 1.5, lingerS: TIME_WAIT_S },
  { form: "tcp", meanS: 20, lingerS: TIME_WAIT_S },
  { form: "tcp", meanS: 3_600, lingerS: TIME_WAIT_S },
  { form: "udp", meanS: 0, lingerS: UDP_S },
  { form: "udp-unreplied", meanS: 0, lingerS: UDP_S },
  { form: "syn", meanS: 0, lingerS: SYN_SENT_S },
  { form: "close-wait", meanS: CLOSE_WAIT_S / 4, lingerS: 0 },
];
/** Part of each class in the entries of a node at its busiest hour; of one that holds many connections all day. */
const ORDINARY = [0.34, 0.17, 0.26, 0.19, 0.012, 0.014, 0.014] as const;
const STEADY = [0.05, 0.04, 0.86, 0.03, 0.006, 0.007, 0.007] as const;
/** Of each class, with source NAT. */
export const SNAT_SHARE = [0, 1, 0.4, 0.1, 0, 0.5, 0.2] as const;

export type Kind = "ordinary" | "steady";
export type Traits = {
  node: number;
  kind: Kind;
  /** Flows that open in a second at a load of 1, and their life, by class. */
  classes: readonly { perSecond: number; life: Life }[];
  /** Entries at a load of 1. */
  peak: number;
  /** How much of the day's rhythm it follows, and by how many hours late. */
  rhythm: number;
  shiftH: number;
  /** Part of each Pod in the node's traffic; sums to 1. The last one is the host. */
  weights: Float64Array;
  /** When each is busier and less busy, from [0, 1). */
  tides: Float64Array;
  /** The large one, where there is one that always is. */
  proxy: number | undefined;
  /** Part of SNAT traffic that goes to each of its peers. */
  peers: Float64Array;
  /** Packets a second that are invalid, and DNS races a second that the kernel resolves and fails to. */
  invalid: number;
  races: number;
  lost: number;
  /** Dumps in every so many windows. */
  dumpEvery: number;
  /** Epoch ms from which on there is an agent. */
  joinsAt: number;
  joins: boolean;
};

/** What a node is like, by seed and index alone. */
export function traitsOf(
  seed: number,
  node: number,
  of: { from: number; to: number; warmUpMs: number },
): Traits {
  const noise = new Noise(seedOf(seed, "traits", node));
  const steady = noise.uniform() < 0.08;
  const peak = steady
    ? TABLE_MAX * noise.between(0.5, 0.66)
    : Math.min(62_000, Math.max(3_000, 24_000 * Math.exp(0.55 * noise.normal())));
  const shares = steady ? STEADY : ORDINARY;
  const classes = LIVES.map((life, at) => ({
    life,
    perSecond: (shares[at]! * peak) / (lifeOf(life) || 1),
  }));
  const joins = noise.uniform() < 0.05;
  const proxy = noise.uniform() < 0.15 ? 0 : undefined;
  return {
    node,
    kind: steady ? "steady" : "ordinary",
    classes,
    peak,
    rhythm: steady ? noise.between(0.05, 0.2) : noise.between(0.4, 0.7),
    shiftH: noise.between(-1, 1),
    weights: weightsOf(noise, proxy === undefined ? undefined : noise.between(0.4, 0.6)),
    tides: Float64Array.from({ length: PODS + 1 }, (_, pod) => chance(node, pod, "tide")),
    proxy,
    peers: zipf(12, noise.between(0.6, 1.1)),
    invalid: noise.between(0.05, 1.5),
    races: noise.uniform() < 0.4 ? noise.between(0.2, 4) : 0,
    lost: noise.uniform() < 0.3 ? noise.between(0.05, 1.5) : 0,
    dumpEvery: noise.uniform() < 0.1 ? 5 : 1,
    joins,
    joinsAt: joins ? noise.between(of.from + of.warmUpMs, of.to - 86_400_000) : of.from,
  };
}

export const lifeOf = ({ form, meanS, lingerS }: Life): number =>
  form === "tcp" || form === "close-wait" ? meanS + lingerS : lingerS;

function weightsOf(noise: Noise, proxy: number | undefined): Float64Array {
  const drawn = Float64Array.from(
    { length: PODS + 1 },
    (_, at) => (1 + (at % WORKLOADS.length)) ** -0.5 * Math.exp(0.35 * noise.normal()),
  );
  if (proxy !== undefined) {
    const rest = drawn.reduce((sum, of) => sum + of, 0) - drawn[0]!;
    drawn[0] = (rest * proxy) / (1 - proxy);
  }
  return normalised(drawn);
}

const zipf = (length: number, power: number): Float64Array =>
  normalised(Float64Array.from({ length }, (_, at) => (at + 1) ** -power));

function normalised(of: Float64Array): Float64Array {
  const sum = of.reduce((whole, part) => whole + part, 0);
  return of.map((part) => part / sum);
}

/** Pods of one workload on each node: every twelfth. */
export const podsOf = (workload: number): number[] =>
  Array.from({ length: PODS }, (_, at) => at).filter((at) => at % WORKLOADS.length === workload);

/** What the Pods of a workload open: to a place outside, or to the Service of another workload by its name. */
export interface Talk {
  to: string;
  /** Flows that begin in a minute of a Pod when the day is at its busiest. */
  perMinute: number;
  /** Flows that last as long as the Pod. */
  kept: number;
  /** Seconds for which the others last, on average. */
  lasts: number;
  /** Of one flow, both directions, where the kernel counts. */
  bytesPerSecond: number;
}

export interface Workload {
  namespace: string;
  name: string;
  kind: "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob";
  /** Pods of it on a node of 40; others in proportion. */
  perNode: number;
  /** Runs on the first so many nodes alone. */
  nodes?: number;
  hostNetwork?: boolean;
  /** Hours between two rollouts; of a CronJob between two runs. */
  everyHours: number;
  /** Its Service, where it has one. */
  serves?: { protocol: 6 | 17; port: number };
  talks: readonly Talk[];
}

const talk = (
  to: string,
  [perMinute, kept]: readonly [number, number],
  lasts: number,
  bytesPerSecond = 400,
): Talk => ({ to, perMinute, kept, lasts, bytesPerSecond });
const DNS = talk("kube-dns", [3, 0], 30, 20);
const API_SERVER = talk("api-server", [0.05, 1], 60, 900);

/** Of any cluster. A Service's backends are on its first nodes, so that these alone need to be looked at. */
const PLATFORM: readonly Workload[] = [
  {
    namespace: "kube-system",
    name: "kube-dns",
    kind: "Deployment",
    perNode: 1,
    nodes: 2,
    everyHours: 300,
    serves: { protocol: 17, port: 53 },
    talks: [API_SERVER, talk("resolver", [4, 0], 20, 20)],
  },
  {
    namespace: "kube-system",
    name: "kube-proxy",
    kind: "DaemonSet",
    perNode: 1,
    hostNetwork: true,
    everyHours: 500,
    talks: [API_SERVER],
  },
  {
    namespace: "monitoring",
    name: "log-shipper",
    kind: "DaemonSet",
    perNode: 1,
    everyHours: 400,
    talks: [DNS, talk("web", [0.2, 1], 90, 20_000)],
  },
];

const SHOP: readonly Workload[] = [
  {
    namespace: "shop",
    name: "sessions",
    kind: "StatefulSet",
    perNode: 1,
    nodes: 4,
    everyHours: 170,
    serves: { protocol: 6, port: 6379 },
    talks: [DNS],
  },
  {
    namespace: "shop",
    name: "cart",
    kind: "Deployment",
    perNode: 6,
    everyHours: 31,
    serves: { protocol: 6, port: 8080 },
    talks: [DNS, talk("sessions", [1, 4], 30), talk("database", [0.4, 4], 60, 3_000)],
  },
  {
    namespace: "shop",
    name: "checkout",
    kind: "Deployment",
    perNode: 10,
    everyHours: 23,
    talks: [
      DNS,
      talk("cart", [3, 2], 20),
      talk("database", [0.5, 4], 60, 2_000),
      talk("web", [1, 0], 25, 900),
    ],
  },
  {
    namespace: "shop",
    name: "search",
    kind: "Deployment",
    perNode: 8,
    everyHours: 53,
    talks: [DNS, talk("sessions", [1, 2], 30), talk("web", [0.3, 1], 40, 5_000)],
  },
  {
    namespace: "payments",
    name: "payments-worker",
    kind: "Deployment",
    perNode: 9,
    everyHours: 90,
    talks: [DNS, API_SERVER, talk("database", [0.3, 3], 60), talk("web", [0.8, 0], 45, 600)],
  },
  {
    namespace: "shop",
    name: "stock-sync",
    kind: "CronJob",
    perNode: 2,
    everyHours: 0.5,
    talks: [DNS, talk("database", [6, 1], 20, 9_000)],
  },
];

/** What a cluster runs where its spec does not say. The last is what fills a node up. */
export const SHOP_WORKLOADS: readonly Workload[] = [...PLATFORM, ...SHOP];

/** The same shapes under the names of others: a fleet is not one cluster three times. */
export function workloadsOf(namespace: string, names: readonly [string, string, string, string]): Workload[] {
  const [service, front, worker, job] = names;
  const renamed: Record<string, string> = {
    cart: service,
    checkout: front,
    "payments-worker": worker,
    "stock-sync": job,
  };
  const name = (old: string) => renamed[old] ?? old;
  return [
    ...PLATFORM,
    ...SHOP.map((workload) => ({
      ...workload,
      namespace: workload.namespace === "shop" ? namespace : `${namespace}-jobs`,
      name: name(workload.name),
      talks: workload.talks.map((talk) => ({ ...talk, to: name(talk.to) })),
    })),
  ];
}

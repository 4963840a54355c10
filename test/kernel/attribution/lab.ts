import { EventEmitter, once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import {
  NODE_V4,
  NODE_V6,
  type Network,
  POD_V4,
  POD_V6,
  SERVER_V4,
  SERVER_V6,
} from "../../support/namespaces.ts";
import type { Act } from "./actor.ts";
import type { Seen } from "./recorder.ts";

const ACTOR = join(import.meta.dirname, "actor.ts");
const RECORDER = join(import.meta.dirname, "recorder.ts");

/** Ports of every recorder; towards the second and the third the node translates otherwise. */
export const PORT = 8080;
export const RANDOM_PORT = 8081;
export const SECOND_PORT = 8082;
export const REUSED_PORT = 8083;
/** What Pods dial: the server outside, and the first Pod. */
export const SERVICE_V4 = "10.96.0.10";
export const SERVICE_V6 = "fd00:96::10";
export const HAIRPIN_V4 = "10.96.0.20";
export const SERVICE_PORT = 80;
/** What the server dials: the second Pod behind the node. */
export const NODE_PORT = 30_080;
export const SECOND_NODE_V4 = "192.168.50.11";
export const SECOND_NODE_V6 = "fd00:50::11";

/** Who reaches others: a Pod by its place, or the server outside. */
export type Party = 0 | 1 | 2 | "server";

/** Who was really behind what a recorder saw. */
export interface Truth {
  /** Which part of the story it belongs to. */
  what: string;
  /** Address by which the party is known to the node, and its owner then; null where nobody knows one. */
  source: string;
  uid: string | null;
}

export interface Recorded extends Seen {
  truth: Truth;
}

/** Three Pods, a node that translates in every way there is, and services that write down who reaches them. */
export interface Lab {
  /** All that services saw so far, each flow once. */
  readonly records: readonly Recorded[];
  /** Who a Pod is now: the uid of its owner. */
  readonly uids: readonly [string, string, string];
  /** A Pod is gone, and another one has its addresses. */
  replace(pod: 0 | 1 | 2, uid: string): void;
  /** What the agent's file is to say of owners now. */
  owners(): object;
  /** Lets a party reach a service; resolves once all flows were answered and are recorded. */
  act(party: Party, what: string, act: Omit<Act, "says">): Promise<void>;
  onNode(line: string): Promise<string>;
}

const SETTINGS = [
  // What was sent is to stay in the table until the test is over, or is deleted.
  "for p in udp icmp icmpv6; do echo 600 > /proc/sys/net/netfilter/nf_conntrack_${p}_timeout; done",
  "echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects",
  `ip addr add ${SECOND_NODE_V4}/24 dev outside; ip addr add ${SECOND_NODE_V6}/64 dev outside nodad`,
];
const RULES = {
  iptables: [
    `PREROUTING -p tcp -d ${SERVICE_V4} --dport ${SERVICE_PORT} -j DNAT --to-destination ${SERVER_V4}:${PORT}`,
    `PREROUTING -p udp -d ${SERVICE_V4} --dport ${SERVICE_PORT} -j DNAT --to-destination ${SERVER_V4}:${PORT}`,
    `PREROUTING -p tcp -d ${HAIRPIN_V4} --dport ${SERVICE_PORT} -j DNAT --to-destination ${POD_V4[0]}:${PORT}`,
    `PREROUTING -p udp -d ${HAIRPIN_V4} --dport ${SERVICE_PORT} -j DNAT --to-destination ${POD_V4[0]}:${PORT}`,
    `PREROUTING -p tcp -d ${NODE_V4} --dport ${NODE_PORT} -j DNAT --to-destination ${POD_V4[1]}:${PORT}`,
    `PREROUTING -p udp -d ${NODE_V4} --dport ${NODE_PORT} -j DNAT --to-destination ${POD_V4[1]}:${PORT}`,
    "POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE",
    `POSTROUTING -p tcp --dport ${RANDOM_PORT} -j MASQUERADE --random-fully`,
    `POSTROUTING -p udp --dport ${RANDOM_PORT} -j MASQUERADE --random-fully`,
    `POSTROUTING -p tcp --dport ${SECOND_PORT} -s ${POD_V4[2]} -j SNAT --to-source ${SECOND_NODE_V4}`,
    `POSTROUTING -p udp --dport ${SECOND_PORT} -s ${POD_V4[2]} -j SNAT --to-source ${SECOND_NODE_V4}`,
  ],
  ip6tables: [
    `PREROUTING -p tcp -d ${SERVICE_V6} --dport ${SERVICE_PORT} -j DNAT --to-destination [${SERVER_V6}]:${PORT}`,
    `POSTROUTING -p tcp --dport ${RANDOM_PORT} -j MASQUERADE --random-fully`,
    `POSTROUTING -p udp --dport ${RANDOM_PORT} -j MASQUERADE --random-fully`,
    `POSTROUTING -p tcp --dport ${SECOND_PORT} -s ${POD_V6[2]} -j SNAT --to-source ${NODE_V6}`,
  ],
};

export async function openLab(network: Network): Promise<Lab> {
  const onNode = async (line: string) => (await network.exec(network.node, "sh", ["-c", line])).stdout;
  const rules = Object.entries(RULES).flatMap(([command, lines]) =>
    lines.map((line) => `${command} -t nat -I ${line}`),
  );
  await onNode(["set -e", ...SETTINGS, ...rules].join("\n"));
  const recorded = new Recorders();
  const [pod1, pod2] = network.pods;
  await Promise.all([
    recorded.from(network, network.server, [SERVER_V4, SERVER_V6]),
    recorded.from(network, pod1, [POD_V4[0], POD_V6[0]]),
    recorded.from(network, pod2, [POD_V4[1], POD_V6[1]]),
  ]);
  const [ofServer, ...ofPods] = await Promise.all(
    [network.server, ...network.pods].map((name) => actor(network, name)),
  );
  const uids: [string, string, string] = ["uid-cart-1", "uid-checkout-1", "uid-search-1"];
  const act: Lab["act"] = async (party, what, asked) => {
    const v6 = asked.host.includes(":");
    const outside = v6 ? SERVER_V6 : SERVER_V4;
    const source = party === "server" ? outside : (v6 ? POD_V6 : POD_V4)[party];
    const uid = party === "server" ? null : uids[party];
    const says = recorded.expect({ what, source, uid });
    await (party === "server" ? ofServer : ofPods[party])!({ ...asked, says });
    await recorded.until(says, asked.count);
  };
  return {
    records: recorded.records,
    uids,
    replace: (pod, uid) => void (uids[pod] = uid),
    owners: () => ownersOf(uids),
    act,
    onNode,
  };
}

const ownersOf = (uids: readonly string[]) =>
  Object.fromEntries(
    uids.flatMap((uid, pod) => {
      const name = uid.replace("uid-", "");
      const workload = name.replace(/-\d+$/, "");
      const owner = { kind: "pod", namespace: "shop", name, uid, workload, workloadKind: "Deployment" };
      return [
        [POD_V4[pod], owner],
        [POD_V6[pod], owner],
      ];
    }),
  );

/** What recorders wrote, joined with who it really was. */
class Recorders {
  readonly records: Recorded[] = [];
  private readonly truths: Truth[] = [];
  private readonly seen = new Map<string, Set<string>>();
  private readonly changes = new EventEmitter().setMaxListeners(0);

  async from(network: Network, namespace: string, own: readonly [string, string]): Promise<void> {
    const ports = [PORT, RANDOM_PORT, SECOND_PORT, REUSED_PORT].map(String);
    const child = network.spawn(namespace, process.execPath, [RECORDER, ...own, ...ports]);
    const lines = createInterface(child.stdout as Readable);
    const started = once(lines, "line");
    lines.on("line", (line) => line !== "ready" && this.take(JSON.parse(line) as Seen));
    await started;
  }

  /** The words by which flows of this truth are told. */
  expect(truth: Truth): string {
    const says = String(this.truths.push(truth) - 1);
    this.seen.set(says, new Set());
    return says;
  }

  async until(says: string, count: number): Promise<void> {
    while (this.seen.get(says)!.size < count) await once(this.changes, "change");
  }

  /** A datagram that was sent again is no other flow. */
  private take(seen: Seen): void {
    const ends = [seen.protocol, seen.address, seen.port, seen.peer, seen.peerPort].join(" ");
    const all = this.seen.get(seen.says)!;
    if (!all.has(ends)) this.records.push({ ...seen, truth: this.truths[Number(seen.says)]! });
    all.add(ends);
    this.changes.emit("change");
  }
}

/** An actor, which does one thing at a time. */
async function actor(network: Network, namespace: string) {
  const child = network.spawn(namespace, process.execPath, [ACTOR]);
  const lines = createInterface(child.stdout as Readable)[Symbol.asyncIterator]();
  const done = async () => {
    if ((await lines.next()).done) throw new Error(`the actor in ${namespace} has ended`);
  };
  await done();
  let last = Promise.resolve();
  return (act: Act): Promise<void> => {
    const one = async (before: Promise<void>) => {
      await before;
      child.stdin?.write(`${JSON.stringify(act)}\n`);
      await done();
    };
    last = one(last);
    return last;
  };
}

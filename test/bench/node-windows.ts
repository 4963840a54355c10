import { Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC, SEEN_REPLY } from "../../agent/conntrack/entry.ts";
import { readSysctls } from "../../agent/host/sysctls.ts";
import { OwnerBook } from "../../agent/owners/book.ts";
import { Summary } from "../../agent/summary/summary.ts";
import type { Report } from "../../api/wire.ts";
import { aReport, NOW } from "../support/a-report.ts";
import { type Destination, NODE, seeded } from "./pod-traffic.ts";

const PODS = 40;
const WINDOW_S = 30;
/** Ports a Pod's kernel chooses from, and from which masquerading takes them over where they are free. */
const [FIRST_PORT, EPHEMERAL] = [32_768, 28_232];
const PODS_AT = 0x0af4000a;

const COUNTERS = {
  elapsedMs: 30_004,
  statistics: { found: 31, invalid: 2, insertFailed: 0, drop: 0, earlyDrop: 0, error: 0 },
  log: { tableFull: 0, tableFullElsewhere: 0, invalid: [], missed: 0 },
};

export interface Traffic {
  /** Flows that last, of each Pod. */
  kept: number;
  /** Flows that begin in a second, and how many seconds they last. */
  begin: number;
  last: number;
  to: (pod: number, random: () => number) => Destination;
}

interface Flow {
  pod: number;
  to: Destination;
  port: number;
  id: number;
  endsAt: number;
}

/** The reports of a node of 40 Pods, of windows that follow each other, made as the agent makes them. */
export class NodeWindows {
  private readonly summary = new Summary();
  private readonly owners = new OwnerBook("kubernetes");
  private readonly random = seeded(7);
  private readonly entry = new Entry();
  private readonly flows: Flow[] = [];
  private readonly traffic: Traffic;
  private now = NOW;
  private ids = 0;
  private sequence = 41_000;

  constructor(traffic: Traffic) {
    this.traffic = traffic;
    for (let pod = 0; pod < PODS; pod += 1) {
      this.owners.hold(`10.244.0.${10 + pod}`, podOwner(pod), NOW - pod * 3_600_000);
      for (let flow = 0; flow < traffic.kept; flow += 1) this.begin(pod, Number.POSITIVE_INFINITY);
    }
  }

  /** Half a minute of traffic, and a dump at its end. */
  async next(keyframe: boolean): Promise<Report> {
    const { summary, random, traffic } = this;
    const from = this.now;
    const { sysctls } = await readSysctls();
    summary.configure({ eventsOn: true, timeouts: { tcpEstablished: 432_000, tcpCloseWait: 60, udp: 30 } });
    for (let second = 0; second < WINDOW_S; second += 1) {
      this.now += 1_000;
      this.end();
      for (let i = 0; i < traffic.begin; i += 1) {
        const pod = Math.floor(random() * PODS);
        this.say("new", this.begin(pod, this.now + traffic.last * 1_000 * (0.5 + random())));
      }
    }
    if (keyframe) summary.keyframeDue();
    this.dump();
    return this.report({ from, to: this.now }, keyframe, sysctls);
  }

  private report(window: Report["window"], keyframe: boolean, sysctls: Record<string, string>): Report {
    const { counts, flows, ages, leases, keyframe: part, ports } = this.summary.take(window);
    const owners = this.owners.report(window, keyframe, () => true);
    this.sequence += 1;
    return aReport({
      sequence: this.sequence,
      window,
      completeness: { source: "netlink", events: "complete", blind: [], opened: "events" },
      table: { count: this.flows.length, max: 262_144, buckets: 262_144 },
      ...(counts && { dump: { ...counts, durationMs: 9 } }),
      ...(flows && { flows }),
      ...(leases && { leases }),
      ...(ports && { ports }),
      ...(owners && { owners }),
      counters: COUNTERS,
      ...(keyframe && {
        ...(ages && { ages }),
        ...(part && { keyframe: part }),
        host: { sysctls, cores: 8, memoryBytes: 2 ** 35, kubeProxy: "iptables", unread: [] },
      }),
      self: { cpuMs: 61, rssBytes: 78_413_824, waiting: 0 },
    });
  }

  private begin(pod: number, endsAt: number): Flow {
    const { random, flows } = this;
    this.ids += 1;
    const port = FIRST_PORT + Math.floor(random() * EPHEMERAL);
    const flow = { pod, to: this.traffic.to(pod, random), port, id: this.ids, endsAt };
    flows.push(flow);
    return flow;
  }

  private end(): void {
    let kept = 0;
    for (const flow of this.flows) {
      if (flow.endsAt <= this.now) this.say("destroy", flow);
      else {
        this.flows[kept] = flow;
        kept += 1;
      }
    }
    this.flows.length = kept;
  }

  private dump(): void {
    this.summary.dumpBegins(this.now);
    for (const flow of this.flows) this.summary.add(this.rowOf(flow));
    this.summary.dumpEnds(true);
  }

  private say(event: "new" | "destroy", flow: Flow): void {
    const row = this.rowOf(flow);
    row.event = event;
    this.summary.event(row, this.now);
  }

  private rowOf({ pod, to, port, id }: Flow): Entry {
    const { entry } = this;
    const source = PODS_AT + pod;
    entry.reset();
    entry.protocol = to.protocol;
    entry.state = to.protocol === 6 ? 3 : -1;
    entry.status = SEEN_REPLY;
    entry.addresses[ORIG_SRC] = source;
    entry.addresses[ORIG_DST] = to.service ?? to.peer;
    entry.addresses[REPLY_SRC] = to.peer;
    entry.addresses[REPLY_DST] = to.masqueraded ? NODE : source;
    entry.origSport = entry.replyDport = port;
    entry.origDport = entry.replySport = to.port;
    entry.id = id;
    entry.timeout = to.protocol === 6 ? 431_990 : 25;
    return entry;
  }
}

const podOwner = (pod: number) => {
  const workload = ["checkout", "cart", "search", "payments-worker"][pod % 4]!;
  const unique = seeded(pod);
  const word = () => Math.floor(unique() * 2 ** 32).toString(16);
  return {
    kind: "pod" as const,
    namespace: pod % 3 ? "shop" : "platform",
    name: `${workload}-${word().slice(0, 8)}-${word().slice(0, 5)}`,
    uid: `${word()}-4f1e-9c2d-${word()}`,
    workloadKind: "Deployment",
    workload,
  };
};

import { Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC, SEEN_REPLY } from "../../agent/conntrack/entry.ts";
import { pack } from "../../agent/push.ts";
import { Summary } from "../../agent/summary/summary.ts";
import type { Report } from "../../api/wire.ts";
import { aReport, NOW } from "../support/a-report.ts";
import type { Figure } from "./figure.ts";

/** A small generator with a seed, so that sizes are the same in every run (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const NODE = 0xc0a8320a | 0;

/** Where a Pod's flows go: DNS through its Service, the API server, a cache, a database outside, one host of its own. */
interface Destination {
  /** Share of the Pod's flows, out of 100. */
  share: number;
  protocol: number;
  service?: number;
  peer: number;
  port: number;
  masqueraded: boolean;
}

function destinations(pod: number, random: () => number): Destination[] {
  const dns = { protocol: 17, service: 0x0a60000a, port: 53, masqueraded: false };
  return [
    { ...dns, share: 25, peer: 0x0af40102 },
    { ...dns, share: 25, peer: 0x0af40203 },
    { share: 5, protocol: 6, service: 0x0a600001, peer: 0xc0a83202, port: 6443, masqueraded: true },
    {
      share: 15,
      protocol: 6,
      service: 0x0a60004d,
      peer: 0x0af40300 | (pod % 12),
      port: 6379,
      masqueraded: false,
    },
    { share: 20, protocol: 6, peer: 0xcb007114, port: 5432, masqueraded: true },
    { share: 10, protocol: 6, peer: 0xcb007200 | Math.floor(random() * 50), port: 443, masqueraded: true },
  ];
}

function podEntry(entry: Entry, pod: number, to: Destination, random: () => number): void {
  entry.reset();
  entry.protocol = to.protocol;
  entry.state = to.protocol === 6 ? (random() < 0.8 ? 3 : 7) : -1;
  entry.status = random() < 0.97 ? SEEN_REPLY : 0;
  const source = 0x0af40000 | (pod + 10);
  entry.addresses[ORIG_SRC] = source;
  entry.addresses[ORIG_DST] = to.service ?? to.peer;
  entry.addresses[REPLY_SRC] = to.peer;
  entry.addresses[REPLY_DST] = to.masqueraded ? NODE : source;
  entry.origSport = entry.replyDport = 32_768 + Math.floor(random() * 28_000);
  entry.origDport = entry.replySport = to.port;
}

/** A report of a node with 40 Pods of some 25 flows to six destinations each; accounting off, as kernels have it. */
export function quietReport(seed = 1): Report {
  const random = seeded(seed);
  const entry = new Entry();
  return reportOf((summary) => {
    for (let pod = 0; pod < 40; pod += 1) {
      const flows = destinations(pod, random).flatMap((to) =>
        Array<Destination>(Math.ceil((to.share * random()) / 2)).fill(to),
      );
      for (const to of flows) {
        podEntry(entry, pod, to, random);
        summary.add(entry);
      }
    }
  });
}

/** Nothing repeats but the node's four NAT addresses: 262,144 random IPv6 sources, peers and ports, all counted. */
export function worstReport(seed = 1): Report {
  const random = seeded(seed);
  const word = () => (random() * 2 ** 32) | 0;
  const natAddresses = Array.from({ length: 4 }, () => [word(), word(), word(), word()]);
  const entry = new Entry();
  return reportOf((summary) => {
    for (let flow = 0; flow < 262_144; flow += 1) {
      entry.reset();
      entry.family = 6;
      entry.protocol = [6, 17, 132, 33][flow % 4]!;
      for (const at of [ORIG_SRC, ORIG_DST, REPLY_SRC]) {
        for (let i = 0; i < 4; i += 1) entry.addresses[at + i] = word();
      }
      entry.addresses.set(natAddresses[flow % natAddresses.length]!, REPLY_DST);
      entry.origSport = entry.replyDport = word() & 0xffff;
      entry.origDport = entry.replySport = word() & 0xffff;
      entry.counted = true;
      entry.counters.set(
        [word() >>> 0, random() * 2 ** 34, word() >>> 0, random() * 2 ** 34].map(Math.floor),
      );
      summary.add(entry);
    }
  });
}

function reportOf(fill: (summary: Summary) => void): Report {
  const summary = new Summary({ counters: "since-creation" });
  summary.dumpBegins(NOW);
  fill(summary);
  summary.dumpEnds(true);
  const { counts, flows } = summary.take({ from: NOW });
  return aReport({ ...(counts && { dump: { ...counts, durationMs: 9 } }), ...(flows && { flows }) });
}

export async function benchReportSize(): Promise<Figure[]> {
  const size = async (name: string, report: Report, bar: string) => [
    { name: `report, ${name}, compressed`, value: (await pack(report)).body.length, unit: "bytes", bar },
    { name: `report, ${name}, JSON`, value: JSON.stringify(report).length, unit: "bytes" },
  ];
  return [
    ...(await size("quiet 40-Pod node", quietReport(), "≤ 2000")),
    ...(await size("worst case", worstReport(), "≤ 48000")),
  ];
}

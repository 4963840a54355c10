import { Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC, SEEN_REPLY } from "../../agent/conntrack/entry.ts";
import { pack } from "../../agent/push.ts";
import { Summary } from "../../agent/summary/summary.ts";
import type { Report } from "../../api/wire.ts";
import { aReport, NOW } from "../support/a-report.ts";
import { theFullestReport } from "../support/fullest-report.ts";
import type { Figure } from "./figure.ts";
import { NodeWindows } from "./node-windows.ts";
import { type Destination, destinations, NODE, outside, seeded, usual } from "./pod-traffic.ts";

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

/** Reports with events and leases: 9 flows a second, a third of them behind SNAT, and a node that opens 1,000. */
async function withLeases(): Promise<Record<"ordinary" | "keyframe" | "busy", Report>> {
  const quiet = new NodeWindows({ kept: 20, begin: 9, last: 15, to: usual });
  const busy = new NodeWindows({ kept: 20, begin: 1_000, last: 10, to: outside });
  await quiet.next(true);
  await busy.next(true);
  return {
    ordinary: await quiet.next(false),
    keyframe: await quiet.next(true),
    busy: await busy.next(false),
  };
}

export async function benchReportSize(): Promise<Figure[]> {
  const size = async (name: string, report: Report, bar?: string) => [
    {
      name: `report, ${name}, compressed`,
      value: (await pack(report)).body.length,
      unit: "bytes",
      ...(bar && { bar }),
    },
    { name: `report, ${name}, JSON`, value: JSON.stringify(report).length, unit: "bytes" },
  ];
  const { ordinary, keyframe, busy } = await withLeases();
  return [
    ...(await size("quiet 40-Pod node, flows alone", quietReport(), "≤ 2000")),
    ...(await size("quiet 40-Pod node, with events and leases", ordinary, "≤ 2000")),
    ...(await size("quiet 40-Pod node, with a keyframe", keyframe)),
    ...(await size("1,000 new SNAT flows a second", busy)),
    { name: "leases that changed in that window", value: busy.leases?.natPort.length ?? 0, unit: "leases" },
    ...(await size("worst case without leases", worstReport(), "≤ 48000")),
    ...(await size("the most the wire takes, all of it random", theFullestReport())),
  ];
}

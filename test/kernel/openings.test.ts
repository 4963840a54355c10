import { afterAll, beforeAll, beforeEach, test } from "vitest";
import type { Report } from "../../api/wire.ts";
import { type Flow, flowsIn } from "../support/conntrack-lines.ts";
import { rowsOf, summed } from "../support/flow-rows.ts";
import { missing, type Network, openNetwork, POD_V4, SERVER_V4, SERVER_V6 } from "../support/namespaces.ts";
import { type Collector, openCollector, startAgent } from "./agents.ts";
import { stop } from "./service.ts";

const PORT = 8080;
/** The agents that watch the same traffic, by what they listen to. */
const BY_EVENTS = "by-events";
const BY_DUMPS = "by-dumps";
const OLDER = 30;

const reason = missing();
let network: Network;
let collector: Collector;

const onNode = (line: string) => network.exec(network.node, "sh", ["-c", line]);
const setEvents = (mode: number) => onNode(`echo ${mode} > /proc/sys/net/netfilter/nf_conntrack_events`);
const startBoth = () =>
  Promise.all([
    startAgent(network, { CONNTRAIL_NODE: BY_EVENTS }).said("started"),
    startAgent(network, {
      CONNTRAIL_NODE: BY_DUMPS,
      CONNTRAIL_SOURCE: "procfs",
      CONNTRAIL_EVENTS: "off",
    }).said("started"),
  ]);
const bothReport = (instant = Date.now()) =>
  Promise.all([collector.reportAfter(instant, BY_EVENTS), collector.reportAfter(instant, BY_DUMPS)]);

beforeAll(async () => {
  if (reason) return;
  network = await openNetwork();
  await onNode("echo 1 > /proc/sys/net/netfilter/nf_conntrack_acct");
  await network.traffic(network.server, "serve", PORT);
  collector = await openCollector(network);
});
afterAll(() => network?.dispose());
beforeEach((context) => {
  if (reason) context.skip(reason);
});

/** `conntrack` on the flows to the server, in both families. */
async function flowsBy(verb: "-L" | "-D", filter = ""): Promise<Flow[]> {
  const lines = [`-f ipv4 -d ${SERVER_V4}`, `-f ipv6 -d ${SERVER_V6}`].map(
    (server) => `conntrack ${verb} ${server} ${filter} -o extended`,
  );
  // The command fails where it finds nothing to delete.
  const { stdout } = await onNode(`${lines.join("; ")}; true`);
  return flowsIn(stdout);
}

/** COUNT exchanges, sent by a process that is gone afterwards; from the same ports they go on with the same flows. */
async function exchange(pod: string, ...args: (string | number)[]): Promise<void> {
  await stop(await network.traffic(pod, ...args));
}

const COUNTS = ["opened", "closed", "bytes", "packets"] as const;
type Totals = Record<string, Record<(typeof COUNTS)[number], number>>;

/** What one node's reports say of each source and protocol, all windows together. */
function totals(reports: readonly Report[], node: string): Totals {
  const rows = reports
    .filter((report) => report.node.name === node)
    .flatMap(({ flows }) => rowsOf(flows!).groups)
    .filter((row) => row["peer"] === SERVER_V4 || row["peer"] === SERVER_V6);
  const groups = Map.groupBy(rows, (row) => `${row["source"]} ${row["protocol"]}`);
  const counts = ([group, own]: [string, typeof rows]) => [
    group,
    Object.fromEntries(COUNTS.map((count) => [count, summed(own, count)])),
  ];
  return Object.fromEntries([...groups].map(counts)) as Totals;
}

/** The same from what the kernel counted of flows until they were ended. */
function expected(ended: readonly Flow[], older: readonly Flow[]): Totals {
  const key = ({ source, protocol }: Flow) => `${source} ${protocol}`;
  const sum = (flows: readonly Flow[], of: "bytes" | "packets") =>
    flows.reduce((total, flow) => total + flow[of], 0);
  const counts = ([group, own]: [string, Flow[]]) => {
    const before = older.filter((flow) => key(flow) === group);
    const moved = (of: "bytes" | "packets") => sum(own, of) - sum(before, of);
    const opened = own.length - before.length;
    return [group, { opened, closed: own.length, bytes: moved("bytes"), packets: moved("packets") }];
  };
  return Object.fromEntries([...Map.groupBy(ended, key)].map(counts)) as Totals;
}

test("openings, ends, bytes and packets add up to what the kernel had, of flows short, long and older", async ({
  expect,
}) => {
  const [pod1, pod2, pod3] = network.pods;
  // These have no state for events, as where nobody listens: their end is not reported.
  await setEvents(0);
  await exchange(pod1, "udp", SERVER_V4, PORT, OLDER, 20_000);
  await setEvents(2);
  const older = await flowsBy("-L");
  await startBoth();
  const [byEvents, byDumps] = await bothReport();
  expect(byEvents.completeness).toMatchObject({ events: "complete", opened: "events", older: OLDER });
  expect(byDumps.completeness).toMatchObject({ source: "procfs", events: "off", opened: "dumps" });

  // A window has just begun, so that no dump sees the short flows.
  await exchange(pod3, "close", SERVER_V4, PORT, 20);
  const short = await flowsBy("-D", `-s ${POD_V4[2]}`);
  await network.traffic(pod1, "tcp", SERVER_V4, PORT, 40);
  await exchange(pod2, "udp", SERVER_V6, PORT, 30, 30_000);
  await bothReport();
  await exchange(pod2, "udp", SERVER_V6, PORT, 30, 30_000);
  await exchange(pod1, "udp", SERVER_V4, PORT, OLDER, 20_000);
  await bothReport();
  const long = await flowsBy("-D");
  const last = await bothReport();

  expect([short.length, long.length]).toEqual([20, 40 + 30 + OLDER]);
  expect(totals(collector.reports, BY_EVENTS)).toEqual(expected([...short, ...long], older));
  expect(totals(collector.reports, BY_DUMPS)).toEqual(expected(long, older));
  const talkers = collector.reports
    .filter((report) => report.node.name === BY_EVENTS)
    .flatMap(({ flows }) => rowsOf(flows!).talkers);
  const ofPod1 = talkers.filter((row) => row["source"] === POD_V4[0]);
  expect([summed(ofPod1, "opened"), summed(ofPod1, "closed")]).toEqual([40, 40 + OLDER]);
  for (const { completeness } of last) expect(completeness).not.toHaveProperty("older");
});

test("where the kernel's events are turned off, openings are those of dumps, and the report says so", async ({
  expect,
}) => {
  const silent = "no-events";
  await setEvents(0);
  await startAgent(network, { CONNTRAIL_NODE: silent }).said("started");
  const told = collector.reports.length;
  await exchange(network.pods[1], "udp", SERVER_V4, PORT, 25);
  const began = Date.now();
  await Promise.all([BY_EVENTS, silent].map((node) => collector.reportAfter(began, node)));
  const ended = await flowsBy("-D");
  const reports = await Promise.all(
    [BY_EVENTS, silent].map((node) => collector.reportAfter(Date.now(), node)),
  );
  expect(ended).toHaveLength(25);
  for (const { node, completeness } of reports) {
    expect(completeness).toMatchObject({ events: "off", opened: "dumps" });
    expect(completeness.blind).toContainEqual(expect.stringContaining("net.netfilter.nf_conntrack_events=0"));
    expect(totals(collector.reports.slice(told), node.name)).toEqual(expected(ended, []));
  }
});

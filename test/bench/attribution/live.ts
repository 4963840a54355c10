import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { BUNDLE, buildAgent } from "../../../agent/build.ts";
import { type Lab, openLab, type Recorded } from "../../kernel/attribution/lab.ts";
import { asked, giveOwners, watch } from "../../kernel/attribution/story.ts";
import { takePorts, wave } from "../../kernel/attribution/traffic.ts";
import { counted } from "../../kernel/attribution/verdict.ts";
import { openService, type Service } from "../../kernel/service.ts";
import { missing, openNetwork } from "../../support/namespaces.ts";
import { listening, settled } from "../burst.ts";
import { type Figure, quantile } from "../figure.ts";
import { prepareUlogd, type Ulogd } from "../ulogd.ts";

const LOOKUPS = 300;
/** Twice the default tolerance: who looks back so far finds a watcher all the time. */
const WATCHED_MS = 10_000;
/** A recorder writes down what it saw a moment after the kernel did, in whole seconds here. */
const LATE_S = 1;

/**
 * The columns and indexes of connections that ulogd's documents propose for a database (doc/mysql-ulogd2.sql; its own table for SQLite has
 * neither an index nor the far side of NAT), addresses as texts so that there is IPv6.
 */
const TABLE = `create table flows (
  ct_event integer, oob_family integer, orig_ip_saddr_str text, orig_ip_daddr_str text, orig_ip_protocol integer,
  orig_l4_sport integer, orig_l4_dport integer, orig_raw_pktlen integer, orig_raw_pktcount integer, reply_ip_saddr_str text,
  reply_ip_daddr_str text, reply_ip_protocol integer, reply_l4_sport integer, reply_l4_dport integer, reply_raw_pktlen integer,
  reply_raw_pktcount integer, icmp_code integer, icmp_type integer, ct_mark integer, flow_start_sec integer,
  flow_start_usec integer, flow_end_sec integer, flow_end_usec integer
);
${[
  "oob_family",
  "orig_ip_saddr_str",
  "orig_ip_daddr_str",
  "orig_ip_protocol",
  "orig_l4_dport",
  "orig_l4_sport",
  "reply_ip_saddr_str",
  "reply_ip_daddr_str",
  "reply_ip_protocol",
  "reply_l4_dport",
  "reply_l4_sport",
  "orig_ip_saddr_str, orig_ip_daddr_str, orig_ip_protocol, orig_l4_sport, orig_l4_dport",
  "reply_ip_saddr_str, reply_ip_daddr_str, reply_ip_protocol, reply_l4_sport, reply_l4_dport",
]
  .map((columns, i) => `create index flows_${i} on flows (${columns});`)
  .join("\n")}`;

/** Who had the port last before somebody saw it: 1 is NFCT_T_NEW. */
const WHO = `select orig_ip_saddr_str as source from flows
  where reply_ip_saddr_str = ? and reply_ip_daddr_str = ? and reply_ip_protocol = ? and reply_l4_sport = ? and reply_l4_dport = ?
    and ct_event = 1 and flow_start_sec <= ?
  order by flow_start_sec desc, flow_start_usec desc limit 1`;

/** The same live traffic, whose peers write down what they see, told by us and by ulogd2's log. */
export async function liveFigures(folder: string): Promise<Figure[]> {
  const reason = missing();
  if (reason !== undefined) {
    console.error(`left out live traffic: ${reason}`);
    return [];
  }
  await buildAgent(folder);
  await using network = await openNetwork();
  await using service = await openService(network, { CONNTRAIL_TICK: "1s" });
  const lab = await openLab(network);
  const ulogd = prepareUlogd(folder, { table: TABLE, between: [["ulogd_filter_IP2STR.so", "IP2STR"]] });
  if (typeof ulogd === "string")
    console.error(`left out ulogd2: apt-get install ulogd2 ulogd2-sqlite3 sqlite3 (needs ${ulogd})`);
  await live({ network, service, lab, folder, built: join(folder, BUNDLE) }, ulogd);
  const { records } = lab;
  return [
    { name: "live flows, each recorded by its peer", value: records.length, unit: "flows" },
    ...(await ours(service, records)),
    ...(typeof ulogd === "string" ? [] : await theirs(ulogd, records)),
  ];
}

type Stage = Parameters<typeof watch>[0];

async function live(stage: Stage, ulogd: Ulogd | string): Promise<void> {
  const { network, service, lab } = stage;
  await giveOwners(stage);
  const logger =
    typeof ulogd === "string"
      ? undefined
      : network.spawn(network.node, "ulogd", ulogd.args, { stderr: "ignore" });
  await watch(stage);
  if (logger) await untilListening(logger);
  await service.reportedUntil(Date.now() + WATCHED_MS);
  await wave(lab);
  for (const pod of [0, 1, 2] as const)
    await takePorts(lab, "port re-used", { pod, first: 40_000, count: 100 });
  await service.reportedUntil(Date.now() + WATCHED_MS);
  if (!logger || typeof ulogd === "string") return;
  await settled(ulogd.database);
  const gone = once(logger, "exit");
  logger.kill("SIGTERM");
  await gone;
}

async function untilListening(child: ChildProcess): Promise<void> {
  while (!listening(child)) await setTimeout(50);
}

async function ours(service: Service, records: Lab["records"]): Promise<Figure[]> {
  const verdicts = await asked(
    service,
    records.map((record) => ({ record, at: record.at })),
  );
  const took: number[] = [];
  for (const { address, port, protocol, peer, peerPort, at } of records.slice(0, LOOKUPS)) {
    const query = new URLSearchParams({
      address,
      port: String(port),
      protocol: String(protocol),
      peer,
      at: String(at),
    });
    if (peerPort !== undefined) query.set("peerPort", String(peerPort));
    const started = performance.now();
    await service.ask("GET", `/v1/attribution?${query.toString()}`);
    took.push(performance.now() - started);
  }
  const database = new DatabaseSync(service.database, { readOnly: true });
  const stored = database
    .prepare(
      "select count(*) as rows, sum(length(data) + coalesce(length(details), 0)) as bytes from segments",
    )
    .get() as { rows: number; bytes: number };
  database.close();
  const { all = {} } = counted(verdicts);
  const certainWrong = all["certain wrong"] ?? 0;
  return [
    ...Object.entries(all).map(([name, value]) => ({ name: `live, ours, ${name}`, value, unit: "answers" })),
    { name: "live, ours, certain and wrong", value: certainWrong, unit: "answers", bar: "0" },
    { name: "live, ours, windows stored", value: stored.rows, unit: "rows" },
    { name: "live, ours, all that they list", value: stored.bytes, unit: "bytes" },
    { name: "live, ours, a lookup over HTTP, p50", value: quantile(took, 0.5), unit: "ms" },
    { name: "live, ours, a lookup over HTTP, p99", value: quantile(took, 0.99), unit: "ms" },
  ];
}

async function theirs(ulogd: Ulogd, records: Lab["records"]): Promise<Figure[]> {
  const { database: path } = ulogd;
  const counts = ulogd.rows();
  const database = new DatabaseSync(path, { readOnly: true });
  const who = database.prepare(WHO);
  const took: number[] = [];
  const verdicts = { right: 0, wrong: 0, nobody: 0 };
  for (const record of records) {
    const started = performance.now();
    const found = who.get(...parameters(record)) as { source: string } | undefined;
    took.push(performance.now() - started);
    const isRight = found?.source === record.truth.source;
    verdicts[found ? (isRight ? "right" : "wrong") : "nobody"] += 1;
  }
  database.close();
  return [
    {
      name: "live, ulogd2, address of the source right, no Pod named",
      value: verdicts.right,
      unit: "answers",
    },
    { name: "live, ulogd2, another address", value: verdicts.wrong, unit: "answers" },
    { name: "live, ulogd2, nobody found", value: verdicts.nobody, unit: "answers" },
    { name: "live, ulogd2, rows", value: counts.new + counts.destroy, unit: "rows" },
    { name: "live, ulogd2, database", value: (await stat(path)).size, unit: "bytes" },
    { name: "live, ulogd2, a lookup in SQL, in process, p50", value: quantile(took, 0.5), unit: "ms" },
    { name: "live, ulogd2, a lookup in SQL, in process, p99", value: quantile(took, 0.99), unit: "ms" },
  ];
}

function parameters({ address, port, protocol, peer, peerPort, at }: Recorded) {
  return [peer, address, protocol, peerPort ?? null, port, Math.floor(at / 1_000) + LATE_S];
}

import { sql } from "drizzle-orm";
import { toStoredReport } from "../../../api/stored.ts";
import type { Question } from "../../../db/attribution/answer.ts";
import type { Db } from "../../../db/client.ts";
import { decodeDetails, encodeDetails } from "../../../db/details.ts";
import { insertCluster } from "../../../db/queries/clusters.ts";
import { type StoredReport, storeReports } from "../../../db/queries/reports.ts";
import { lastReport, scanPage } from "../../../db/queries/upkeep/scan.ts";
import { textOf } from "../../fleet/cluster.ts";
import { Fleet } from "../../fleet/fleet.ts";
import type { Flow } from "../../fleet/flows.ts";
import type { Life } from "../../fleet/lives.ts";
import { seeded } from "../pod-traffic.ts";

export const CLUSTER = "bench";
const WINDOW_MS = 30_000;
const MINUTE_MS = 60_000;
/** Windows of leases are kept for 72 hours; some minutes pass until the last question is asked. */
const SPAN_MS = 71 * 60 * MINUTE_MS;
/** Two keyframes and what lies between them, and a little more. */
const WINDOWS = 24;
const WINDOWS_A_KEYFRAME = 20;
const QUESTIONS_A_NODE = 10;
/** Questions allow for clocks that are off by so much, and what was not reported yet is not certain. */
const TOLERANCE_MS = 5_000;
/** Simulated at once: each keeps some MB. */
const NODES_A_FLEET = 25;
const REPORTS_A_BATCH = 48;
/** Above all numbers that a node gives its reports here. */
const SEQUENCES = 1_000_000;

export interface Size {
  nodes: number;
  /** How often the windows that were simulated are there, at other times. */
  copies: number;
}

/** A question, and which Pod it really was; undefined where nobody had that port. */
export interface Asked {
  question: Question;
  truth: Life | undefined;
}

export interface History {
  clusterId: number;
  asked: readonly Asked[];
  windows: number;
  /** What leases take of a row, and how many of them began in these windows. */
  leases: { bytes: number; opened: number };
}

/**
 * Windows of leases of a fleet over three days, in an empty database. Of each node 24 windows in a row are simulated and stored as the
 * service does it, each node's at another time, and these are what is asked about. To make the database as large as that of a fleet, their bytes are
 * there again and again, every hour and a half: copies that nobody asks about. Rows lie as they would come in: window by window of all nodes.
 */
export async function makeHistory(db: Db, { nodes, copies }: Size): Promise<History> {
  const from = Math.floor((Date.now() - SPAN_MS - 30 * MINUTE_MS) / WINDOW_MS) * WINDOW_MS;
  const cluster = await insertCluster(db, { name: CLUSTER, createdAt: from });
  if (!cluster) throw new Error("the database is not empty");
  // Whoever is killed meanwhile begins anew.
  await db.run(sql`pragma synchronous = off`);
  const asked: Asked[] = [];
  const stored: StoredReport[][] = Array.from({ length: WINDOWS }, () => []);
  const leases = { bytes: 0, opened: 0 };
  for (const node of lived(nodes, from)) {
    asked.push(...node.asked);
    for (const [at, report] of node.reports.entries()) {
      const row = toStoredReport(report, cluster.id, report.window.to + 1_000);
      stored[at]!.push(row);
      if (at < WINDOWS_A_KEYFRAME) countLeases(leases, row);
    }
  }
  const all = stored.flat();
  for (let at = 0; at < all.length; at += REPORTS_A_BATCH)
    await storeReports(db, all.slice(at, at + REPORTS_A_BATCH));
  const last = await lastReport(db);
  while (await scanPage(db, last, sql`true`));
  await copy(db, { copies, from });
  return { clusterId: cluster.id, asked, windows: all.length * (1 + copies), leases };
}

/** What each node lives through, at its time, and what its peers ask. */
function* lived(nodes: number, begun: number) {
  const random = seeded(11);
  for (let first = 0; first < nodes; first += NODES_A_FLEET) {
    const clusters = [{ name: CLUSTER, nodes, natAddresses: 2 }] as const;
    const fleet = new Fleet({ seed: 5, from: begun, clusters, remember: true });
    for (let node = first; node < Math.min(nodes, first + NODES_A_FLEET); node += 1) {
      const from = begun + Math.floor(((node / nodes) * SPAN_MS) / WINDOW_MS) * WINDOW_MS;
      const to = from + WINDOWS * WINDOW_MS;
      const made = [...fleet.reports({ from, to, intervalMs: WINDOW_MS, node })];
      const flows = fleet.mapped(CLUSTER, node);
      const asked = Array.from({ length: QUESTIONS_A_NODE }, () => askedOf(flows, { from, to }, random));
      yield { reports: made.map(({ report }) => report), asked };
    }
  }
}

/** Of an agent that has run for days few flows are older. */
const SEEN_TO_BEGIN = 0.95;

/** About a mapping while it lasts or, one of ten, about a port that nobody has. */
function askedOf(flows: readonly Flow[], range: { from: number; to: number }, random: () => number): Asked {
  const at = Math.floor(range.from + 2 * WINDOW_MS + random() * (range.to - range.from - 3 * WINDOW_MS));
  const held = flows.filter((flow) => flow.beganAt <= at && at < flow.endsAt);
  const begun = held.filter(({ beganAt }) => beganAt > range.from);
  const among = begun.length > 0 && random() < SEEN_TO_BEGIN ? begun : held;
  const flow = among[Math.floor(random() * among.length)]!;
  const isHeld = random() >= 0.1;
  const question = {
    address: textOf(flow.nat),
    port: isHeld ? flow.port : 1_024 + Math.floor(random() * 1_000),
    protocol: flow.route.protocol,
    peer: textOf(flow.peer),
    peerPort: flow.route.port,
    at,
    toleranceMs: TOLERANCE_MS,
  };
  return { question, truth: isHeld ? flow.pod : undefined };
}

function countLeases(leases: History["leases"], { details, from, to }: StoredReport): void {
  if (!details) return;
  const { leases: changes, keyframe: _, ...rest } = decodeDetails(details);
  const without = encodeDetails({ ...rest, addresses: [] });
  leases.bytes += details.length - (without?.length ?? 0);
  const lasts = (to - from) / 1_000;
  leases.opened += changes?.opened.filter((at) => at !== null && at >= 0 && at <= lasts).length ?? 0;
}

/** The same rows at other times of the span, under other numbers. */
async function copy(db: Db, { copies, from }: { copies: number; from: number }): Promise<void> {
  const step = Math.floor(SPAN_MS / (copies + 1) / WINDOW_MS) * WINDOW_MS;
  const columns = await db.all<{ name: string }>(sql`select name from pragma_table_info('samples')`);
  const moved = ["start", "end", "sequence"];
  const others = columns.map(({ name }) => `"${name}"`).filter((name) => !moved.includes(name.slice(1, -1)));
  const names = sql.raw(others.join(", "));
  const [newest] = await db.all<{ id: number }>(sql`select max(id) as id from segments`);
  for (let at = 1; at <= copies; at += 1) {
    const start = sql`${from} + (start - ${from} + ${at * step}) % ${SPAN_MS}`;
    const others = sql`sequence + ${at * SEQUENCES}, ${start}, ${start} + end - start`;
    await db.batch([
      db.run(sql`
        insert into segments (cluster_id, node_id, boot, data, details, sequence, start, end)
        select cluster_id, node_id, boot, data, details, ${others} from segments where id <= ${newest?.id ?? 0} order by id`),
      db.run(sql`
        insert into samples (${names}, sequence, start, end)
        select ${names}, ${others} from samples where tier = 0 and sequence < ${SEQUENCES}`),
    ]);
  }
  // Nothing of it waits for a tick.
  await db.run(sql`update upkeep set seen = (select max(id) from segments)`);
  await db.run(sql`delete from dirty`);
}

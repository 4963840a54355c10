import { freshDb } from "#fresh-db";
import { sql } from "drizzle-orm";
import { test } from "vitest";
import { toStoredReport } from "../../api/stored.ts";
import type { Attribution, Question } from "../../db/attribution/answer.ts";
import type { Db } from "../../db/client.ts";
import { attributeMany } from "../../db/queries/attribution.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { lastReport, scanPage } from "../../db/queries/upkeep/scan.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { aCluster, randomNumbers } from "../support/stored-report.ts";
import { textOf } from "./cluster.ts";
import { Fleet } from "./fleet.ts";
import type { Flow } from "./flows.ts";
import type { Life } from "./lives.ts";

const NODES = 1_000;
const QUESTIONS_A_NODE = 10;
const DAY = Date.UTC(2026, 10, 20);
const DAY_MS = 86_400_000;
const WINDOW_MS = 30_000;
/** A keyframe and what follows it. */
const WINDOWS = 4;
/** Simulated at once: each keeps some MB. */
const NODES_A_FLEET = 25;

type Asked = { question: Question; truth: Life | undefined };

/** What one node lives through at its moment of the day, and what its peers ask about it. */
function* nodesOfADay(random: () => number) {
  for (let first = 0; first < NODES; first += NODES_A_FLEET) {
    const fleet = new Fleet({
      seed: 5,
      from: DAY,
      clusters: [{ name: "prod", nodes: NODES, pods: 12, natAddresses: 2 }],
      remember: true,
    });
    for (let node = first; node < first + NODES_A_FLEET; node += 1) {
      const from = DAY + Math.floor(((node / NODES) * DAY_MS) / WINDOW_MS) * WINDOW_MS;
      const to = from + WINDOWS * WINDOW_MS;
      const reports = [...fleet.reports({ from, to, intervalMs: WINDOW_MS, node })].map(
        ({ report }) => report,
      );
      const flows = fleet.mapped("prod", node);
      const asked = Array.from({ length: QUESTIONS_A_NODE }, () => askedOf(flows, { from, to }, random));
      yield { node, reports, asked };
    }
  }
}

/** About a mapping while it lasts or, of ten, one that nobody has. */
function askedOf(
  flows: readonly Flow[],
  { from, to }: { from: number; to: number },
  random: () => number,
): Asked {
  const since = flows.filter(({ beganAt }) => beganAt > from);
  // What the agent saw begin, but for some that it found.
  const among = since.length > 0 && random() < 0.8 ? since : flows;
  const flow = among[Math.floor(random() * among.length)]!;
  const begin = Math.max(from, flow.beganAt);
  const at = Math.floor(begin + random() * (Math.min(to, flow.endsAt) - begin));
  const isHeld = random() >= 0.1;
  const question = {
    address: textOf(flow.nat),
    port: isHeld ? flow.port : 1_024 + Math.floor(random() * 1_000),
    protocol: flow.route.protocol,
    peer: textOf(flow.peer),
    peerPort: flow.route.port,
    at,
    toleranceMs: 5_000,
  };
  return { question, truth: isHeld ? flow.pod : undefined };
}

/** Takes over what reports say of owners, as a tick does. */
async function scanned(db: Db): Promise<void> {
  const last = await lastReport(db);
  while (await scanPage(db, last, sql`true`));
}

/**
 * Right: who it was is named, alone unless it says that several fit. Half: the source is, and that nobody knows whose it was. Blind
 * says nothing wrong.
 */
function verdictOf({ certainty, candidates }: Attribution, truth: Life | undefined): string {
  const snat = candidates.filter(({ via }) => via === "snat");
  if (!truth) return snat.length === 0 ? "right" : "wrong";
  if (certainty === "blind") return "blind";
  const fits = snat.filter(({ source }) => source === truth.text);
  if (fits.length === 0 || (snat.length > 1 && certainty !== "ambiguous")) return "wrong";
  if (fits.some(({ owner }) => owner?.uid === truth.owner.uid)) return "right";
  return fits.every(({ owner, reasons }) => !owner && reasons.includes("owner-unknown")) ? "half" : "wrong";
}

test("10,000 random lookups in a day of 1,000 nodes are right, those that say so for certain all of them", async ({
  expect,
}) => {
  const db = await freshDb();
  const clusterId = await aCluster(db);
  const asked: Asked[] = [];
  for (const { reports, asked: some } of nodesOfADay(randomNumbers(11))) {
    await storeReports(
      db,
      reports.map((report) => toStoredReport(report, clusterId, report.window.to)),
    );
    asked.push(...some);
  }
  await scanned(db);
  const now = DAY + DAY_MS + 600_000;
  const place = { clusters: [{ id: clusterId, name: "prod" }], now, retention: DEFAULT_RETENTION };
  const answers = await attributeMany(
    db,
    place,
    asked.map(({ question }) => question),
  );
  const counts: Record<string, number> = {};
  for (const [i, answer] of answers.entries()) {
    const verdict = `${answer.certainty} ${verdictOf(answer, asked[i]!.truth)}`;
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  console.log(counts);
  expect(new Set(asked.map(({ question }) => new Date(question.at).getUTCHours())).size).toBe(24);
  expect(Object.keys(counts).filter((verdict) => verdict.endsWith("wrong"))).toEqual([]);
  const half = Object.entries(counts).filter(([verdict]) => /(half|blind)$/.test(verdict));
  expect(half.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan(20);
  expect(counts["certain right"]).toBeGreaterThan(0.4 * NODES * QUESTIONS_A_NODE);
}, 120_000);

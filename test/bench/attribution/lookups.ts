import { writeFileSync } from "node:fs";
import type { Attribution, Question } from "../../../db/attribution/answer.ts";
import type { Db } from "../../../db/client.ts";
import { attribute } from "../../../db/queries/attribution.ts";
import { DEFAULT_RETENTION } from "../../../db/tiers.ts";
import { type Figure, quantile } from "../figure.ts";
import { ask } from "../server.ts";
import { type Asked, CLUSTER, type History } from "./history.ts";

const LOOKUPS = 1_000;
const COLD_LOOKUPS = 200;
const WARM_UP = 50;
/** Prime to the number of questions: each is of another node than the one before. */
const STRIDE = 7_919;

const every = (asked: readonly Asked[], count: number, first = 0): Asked[] =>
  Array.from({ length: count }, (_, i) => asked[((first + i) * STRIDE) % asked.length]!);

function latencies(name: string, took: readonly number[], bar?: string): Figure[] {
  return [
    { name: `${name}, p50`, value: quantile(took, 0.5), unit: "ms" },
    { name: `${name}, p99`, value: quantile(took, 0.99), unit: "ms", ...(bar !== undefined && { bar }) },
  ];
}

async function timed(asked: readonly Asked[], look: (one: Asked) => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (const one of asked) {
    const started = performance.now();
    await look(one);
    took.push(performance.now() - started);
  }
  return took;
}

const get = ({ question }: Asked) => {
  const texts = Object.entries(toQuery(question)).map(([name, value]) => [name, String(value)]);
  return ask(`/v1/attribution?${new URLSearchParams(texts).toString()}`);
};

/** One after another, over HTTP. */
export async function overHttp({ asked }: History): Promise<Figure[]> {
  await timed(every(asked, WARM_UP, LOOKUPS), get);
  return latencies("lookup, over HTTP", await timed(every(asked, LOOKUPS), get), "≤ 20");
}

/** The first questions of a service that has just begun, of which nothing is in memory; nothing where that cannot be had. */
export async function cold({ asked }: History): Promise<Figure[]> {
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "3");
  } catch {
    console.error("left out lookups from the disk: needs leave to empty the cache of the system");
    return [];
  }
  return latencies(
    "lookup, over HTTP, nothing in memory",
    await timed(every(asked, COLD_LOOKUPS, 2 * LOOKUPS), get),
  );
}

/** One after another, in this process. */
export async function inProcess(db: Db, { asked, clusterId }: History): Promise<Figure[]> {
  const clusters = [{ id: clusterId, name: CLUSTER }];
  const look = ({ question }: Asked) =>
    attribute(db, { clusters, now: Date.now(), retention: DEFAULT_RETENTION }, question);
  await timed(every(asked, WARM_UP, LOOKUPS), look);
  return latencies("lookup, in process", await timed(every(asked, LOOKUPS), look));
}

type Line = Pick<Attribution, "certainty"> & {
  candidates: readonly { via: string; source: string; owner: { uid: string | null } | null }[];
};

/** All questions in one request, and how many answers are right. */
export async function inOneBatch({ asked }: History): Promise<Figure[]> {
  const questions = asked.map(({ question }) => toQuery(question));
  const started = performance.now();
  const { lines } = JSON.parse(await ask("/v1/attribution", questions)) as { lines: readonly Line[] };
  const took = performance.now() - started;
  const counts: Record<string, number> = {};
  for (const [at, line] of lines.entries()) {
    const name = `${line.certainty}: ${verdictOf(line, asked[at]!)}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  const wrong = Object.entries(counts).reduce(
    (sum, [name, of]) => sum + (name.endsWith("wrong") ? of : 0),
    0,
  );
  return [
    { name: `batch of ${asked.length.toLocaleString("en-US")} lookups`, value: took, unit: "ms" },
    ...Object.entries(counts)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, value]) => ({ name: `of these ${name}`, value, unit: "answers" })),
    { name: "of these wrong", value: wrong, unit: "answers", bar: "0" },
    {
      name: "of these certain and wrong",
      value: counts["certain: wrong"] ?? 0,
      unit: "answers",
      bar: "0",
    },
  ];
}

function toQuery({ address, port, protocol, peer, peerPort, at }: Question) {
  return { address, port, protocol: String(protocol), peer, peerPort, at };
}

/** right: it is named, alone or, of an ambiguous answer, among others; of a port that nobody had, no lease is. */
function verdictOf({ certainty, candidates }: Line, { truth }: Asked): "right" | "wrong" | "blind" {
  const leased = candidates.filter(({ via }) => via === "snat");
  if (!truth) return leased.length === 0 ? "right" : "wrong";
  if (certainty === "blind") return "blind";
  const isIt = ({ source, owner }: Line["candidates"][number]) =>
    source === truth.text && owner?.uid === truth.owner.uid;
  if (certainty === "ambiguous") return leased.some(isIt) ? "right" : "wrong";
  return leased[0] && isIt(leased[0]) ? "right" : "wrong";
}

import type { Db } from "../client.ts";
import { Ranking } from "../talkers/ranking.ts";
import { unownedKey } from "../talkers/source.ts";
import { WaysBook } from "../talkers/sources.ts";
import type { SourceBy, Ways } from "../talkers/sources.ts";
import { withinTotal } from "../talkers/within-total.ts";
import { readTables } from "./tables.ts";
import type { TableQuestion } from "./tables.ts";
import { answerOf } from "./talkers.ts";
import type { TalkerAnswer, TalkerMetric } from "./talkers.ts";

export type SourcesQuery = Omit<TableQuestion, "by" | "beside"> & {
  by: SourceBy;
  peer: string;
  limit: number;
  /** What to rank by; entries by default. */
  metric?: TalkerMetric | undefined;
};

/** `total` is what the peer had in all; `ways` says how the flows of a row reach it. */
export type SourcesAnswer = TalkerAnswer & { ways: (key: string) => Ways };

/** More peers than an address has under one protocol: a port each. */
const ALL_PEERS = 65_536;

/** Who reaches a peer, the largest first. */
export async function sourcesOf(db: Db, query: SourcesQuery): Promise<SourcesAnswer> {
  const { by, metric = "entries", limit, port, protocol } = query;
  const ranking = new Ranking({ metric, limit, apart: unownedKey(by) });
  const whole = new Ranking({ metric, limit: ALL_PEERS, apart: undefined });
  const ways = new WaysBook(by);
  const reading = await readTables(db, { ...query, beside: ["peer", "flow"] });
  for await (const { table, beside } of reading.slots()) {
    const [peers, flows] = beside;
    ranking.add(table);
    if (peers) whole.add(peers);
    if (flows) ways.add(flows);
  }
  const single = port !== undefined && protocol !== undefined;
  const ranked = withinTotal(ranking.finish(), whole.finish(), { single, limit });
  return { ...(await answerOf(reading, ranked)), ways: (key) => ways.of(key) };
}

import type * as z from "zod";
import type { Question } from "../../db/attribution/answer.ts";
import { type Answer, attributeEach } from "../../db/queries/attribution.ts";
import type { Db } from "../../db/client.ts";
import type { Retention } from "../../db/tiers.ts";
import { csvLines, toCsv } from "../csv.ts";
import { toAsked, toCandidate, toNode, toReason } from "./answer.ts";
import type { BatchItem } from "./batch.ts";
import { LINE_COLUMNS, lineRows } from "./rows.ts";
import { toQuestion } from "./question.ts";
import type { Batch, BatchLine } from "./schema.ts";
import type { Failure } from "./text/line.ts";

/** Of a line: enough to see that an address alone says little; GET has more. */
export const MAX_CANDIDATES = 10;
/** Written at a stretch: some hundred kilobytes. */
const WRITTEN_AT_ONCE = 200;

export type AnsweredItem = { line: number } & ({ failure: Failure } | { question: Question; answer: Answer });

type Asking = {
  db: Db;
  /** All that the caller may read. */
  clusters: readonly { id: number; name: string }[];
  now: number;
  retention: Retention;
};

/** The answers of a batch, in its order. */
export async function answerItems(
  { db, clusters, now, retention }: Asking,
  items: readonly BatchItem[],
): Promise<AnsweredItem[]> {
  const byName = new Map(clusters.map((cluster) => [cluster.name, [cluster]]));
  const of = (name: string | undefined) => (name === undefined ? clusters : byName.get(name));
  const asked = items.flatMap((item) => {
    const where = "fields" in item ? of(item.fields.cluster) : undefined;
    if (!("fields" in item) || !where) return [];
    return [{ item, question: toQuestion(item.fields, now), clusters: where, node: item.fields.node }];
  });
  const answers = await attributeEach(db, { now, retention, candidates: MAX_CANDIDATES }, asked);
  const found = new Map(asked.map(({ item, question }, at) => [item, { question, answer: answers[at] }]));
  return items.map((item): AnsweredItem => {
    if ("failure" in item) return item;
    const { question, answer } = found.get(item) ?? {};
    return { line: item.line, ...(question && answer ? { question, answer } : { failure: NO_CLUSTER }) };
  });
}

const NO_CLUSTER: Failure = { code: "no-such-cluster", text: "There is no such cluster." };

function toLine(item: AnsweredItem, evidence: boolean): z.infer<typeof BatchLine> {
  const { line } = item;
  if ("failure" in item) return { line, error: item.failure };
  const { certainty, candidates, more, reasons, evidence: nodes } = item.answer;
  return {
    line,
    asked: toAsked(item.question),
    certainty,
    candidates: candidates.map(toCandidate),
    more,
    reasons: reasons.map(toReason),
    ...(evidence && { evidence: nodes.map(toNode) }),
  };
}

function countsOf(items: readonly AnsweredItem[]): z.infer<typeof Batch>["counts"] {
  const counts = { lines: items.length, certain: 0, probable: 0, ambiguous: 0, none: 0, blind: 0, errors: 0 };
  for (const item of items) counts["failure" in item ? "errors" : item.answer.certainty] += 1;
  return counts;
}

/** A batch as JSON, in parts. */
export function* jsonParts(items: readonly AnsweredItem[], evidence: boolean): Generator<string> {
  yield `{"counts":${JSON.stringify(countsOf(items))},"lines":[`;
  for (const [at, some] of chunks(items)) {
    const lines = some.map((item) => JSON.stringify(toLine(item, evidence)));
    yield `${at > 0 ? "," : ""}${lines.join(",")}`;
  }
  yield "]}";
}

/** The same as CSV: a row a candidate, or one for a line that has none. */
export function* csvParts(items: readonly AnsweredItem[]): Generator<string> {
  yield toCsv(LINE_COLUMNS, []);
  for (const [, some] of chunks(items))
    yield csvLines(
      LINE_COLUMNS,
      some.flatMap((item) => lineRows(toLine(item, false))),
    );
}

function* chunks<T>(items: readonly T[]): Generator<[at: number, some: T[]]> {
  for (let at = 0; at < items.length; at += WRITTEN_AT_ONCE)
    yield [at, items.slice(at, at + WRITTEN_AT_ONCE)];
}

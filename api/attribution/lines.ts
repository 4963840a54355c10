import type * as z from "zod";
import type { Attribution, Question } from "../../db/attribution/answer.ts";
import { attributeMany } from "../../db/queries/attribution.ts";
import type { Db } from "../../db/client.ts";
import type { Retention } from "../../db/tiers.ts";
import { csvLines, toCsv } from "../csv.ts";
import { toAsked, toCandidate, toNode, toReason } from "./answer.ts";
import type { BatchItem } from "./batch.ts";
import { LINE_COLUMNS, lineRows } from "./rows.ts";
import { toQuestion } from "./question.ts";
import type { Batch, BatchLine } from "./schema.ts";
import type { Failure } from "./text/line.ts";

/** Of a line: enough to see that an address alone says little; GET has all of them. */
export const MAX_CANDIDATES = 10;
/** Written at a stretch: some hundred kilobytes. */
const WRITTEN_AT_ONCE = 200;

export type AnsweredItem = { line: number } & (
  | { failure: Failure }
  | { question: Question; answer: Attribution }
);

type Asking = {
  db: Db;
  /** All that the caller may read. */
  clusters: readonly { id: number; name: string }[];
  now: number;
  retention: Retention;
};

/** The answers of a batch, in its order. */
export async function answerItems(
  { clusters, ...asking }: Asking,
  items: readonly BatchItem[],
): Promise<AnsweredItem[]> {
  const answered: AnsweredItem[] = [];
  const asked = items.flatMap((item, at) => ("fields" in item ? { at, item } : []));
  for (const [at, item] of items.entries()) if ("failure" in item) answered[at] = item;
  const groups = Map.groupBy(asked, ({ item: { fields } }) => JSON.stringify([fields.cluster, fields.node]));
  for (const group of groups.values()) {
    const { cluster, node } = group[0]?.item.fields ?? {};
    const places = cluster === undefined ? clusters : clusters.filter(({ name }) => name === cluster);
    const questions = group.map(({ item: { fields } }) => toQuestion(fields, asking.now));
    const { db, now, retention } = asking;
    const place = { clusters: places, node, now, retention };
    const isThere = cluster === undefined || places.length > 0;
    const answers = isThere ? await attributeMany(db, place, questions) : [];
    for (const [i, { at, item }] of group.entries()) {
      const [question, answer] = [questions[i], answers[i]];
      answered[at] = {
        line: item.line,
        ...(question && answer ? { question, answer } : { failure: NO_CLUSTER }),
      };
    }
  }
  return answered;
}

const NO_CLUSTER: Failure = { code: "no-such-cluster", text: "There is no such cluster." };

function toLine(item: AnsweredItem, evidence: boolean): z.infer<typeof BatchLine> {
  const { line } = item;
  if ("failure" in item) return { line, error: item.failure };
  const { certainty, candidates, reasons, evidence: nodes } = item.answer;
  return {
    line,
    asked: toAsked(item.question),
    certainty,
    candidates: candidates.slice(0, MAX_CANDIDATES).map(toCandidate),
    more: Math.max(0, candidates.length - MAX_CANDIDATES),
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

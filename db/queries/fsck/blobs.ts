import { sql } from "drizzle-orm";
import { decodeBucket } from "../../bucket.ts";
import { decodeDetails } from "../../details.ts";
import type { Bucket, Dimension, Table } from "../../fold/table.ts";
import { COUNTS } from "../../fold/measures.ts";
import { decodeSegment, SegmentError } from "../../segment.ts";
import { TIERS } from "../../tiers.ts";
import type { BucketTier } from "../../tiers.ts";
import { timeOf } from "./problem.ts";
import type { Checked, Findings, Look, Problem } from "./problem.ts";

/** Blobs of a page are at most a MB each. */
const ROWS_A_PAGE = 32;

type SegmentRow = {
  id: number;
  clusterId: number;
  nodeId: number;
  start: number;
  data: ArrayBuffer;
  details: ArrayBuffer | null;
};

/** Whether all that reports said can be read. */
export async function* segmentProblems(look: Look, checked: Checked): Findings {
  for (let after: number | undefined = 0; after !== undefined;) {
    const rows: SegmentRow[] = await look((db) =>
      db.all<SegmentRow>(sql`
      select id, cluster_id as clusterId, node_id as nodeId, start, data, details from segments
      where id > ${after} order by id limit ${ROWS_A_PAGE}`),
    );
    for (const row of rows) yield* ofSegment(row);
    checked.segments += rows.length;
    after = rows.at(-1)?.id;
  }
}

function* ofSegment({ id, clusterId, nodeId, start, data, details }: SegmentRow): Generator<Problem> {
  const where = `segment ${id}: cluster ${clusterId}, node ${nodeId}, window of ${timeOf(start)}`;
  const flows = data.byteLength === 0 ? undefined : faultOf(() => decodeSegment(new Uint8Array(data)));
  if (flows !== undefined) yield { kind: "undecodable-flows", where, message: flows };
  const other = details === null ? undefined : faultOf(() => decodeDetails(new Uint8Array(details)));
  if (other !== undefined) yield { kind: "undecodable-details", where, message: other };
}

type BucketRow = {
  rowid: number;
  clusterId: number;
  tier: BucketTier;
  nodeId: number;
  start: number;
  data: ArrayBuffer;
};

/** Whether all buckets can be read, and agree with themselves. */
export async function* bucketProblems(look: Look, checked: Checked): Findings {
  for (let after: number | undefined = 0; after !== undefined;) {
    const rows: BucketRow[] = await look((db) =>
      db.all<BucketRow>(sql`
      select rowid, cluster_id as clusterId, tier, node_id as nodeId, start, data from buckets
      where rowid > ${after} order by rowid limit ${ROWS_A_PAGE}`),
    );
    for (const row of rows) {
      const problem = ofBucket(row);
      if (problem) yield problem;
    }
    checked.buckets += rows.length;
    after = rows.at(-1)?.rowid;
  }
}

function ofBucket({ clusterId, tier, nodeId, start, data }: BucketRow): Problem | undefined {
  const where = `bucket: cluster ${clusterId}, node ${nodeId}, ${TIERS[tier]} ${timeOf(start)}`;
  let bucket: Bucket = {};
  const fault = faultOf(() => (bucket = decodeBucket(new Uint8Array(data))));
  if (fault !== undefined) return { kind: "undecodable-bucket", where, message: fault };
  const message = unequalSums(bucket);
  return message === undefined ? undefined : { kind: "sums", where, message };
}

/** The same flows by another key: whatever is counted, all of them have it. */
const SAME = ["owner", "workload", "namespace", "node", "address"] as const satisfies Dimension[];

function unequalSums(bucket: Bucket): string | undefined {
  const tables = SAME.flatMap((name) => (bucket[name] ? [{ name, table: bucket[name] }] : []));
  for (const count of COUNTS) {
    const sums = tables.map(({ name, table }) => ({ name, sum: sumOf(table, count) }));
    const [first, ...others] = sums;
    const other = others.find(({ sum }) => sum !== first?.sum);
    if (first && other && isExact(first.sum) && isExact(other.sum))
      return `${first.sum} ${count} by ${first.name}, ${other.sum} by ${other.name}`;
  }
  return undefined;
}

const sumOf = (table: Table, count: (typeof COUNTS)[number]): number =>
  (table.columns[count] ?? []).reduce((sum, value) => sum + value, table.rest[count] ?? 0);

const isExact = (sum: number) => sum < Number.MAX_SAFE_INTEGER;

/** What a blob is damaged in; undefined where it can be read. */
function faultOf(decode: () => unknown): string | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (error instanceof SegmentError) return error.message;
    throw error;
  }
}

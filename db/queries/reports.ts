import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { isDatabaseAway } from "../failure.ts";
import { addressesOf, GAUGE_COLUMNS, gaugesOf, identityOf, wordsOf } from "../report.ts";
import type { StoredReport } from "../report.ts";
import { upsertAddresses } from "./node-addresses.ts";

export type { DumpGauges, StoredReport } from "../report.ts";

export type Stored = "stored" | "duplicate";

/** Queries look back this far for windows that reach into their range. */
export const MAX_WINDOW_MS = 300_000;
/** D1 binds at most 100 parameters a statement: one JSON text and two blobs for each segment. */
const SEGMENTS_A_STATEMENT = 48;
/** Stands for the flows of a report without any. */
const NOTHING = new Uint8Array();

/**
 * Appends reports in one atomic batch. Each answer stands where its report stood; of a duplicate
 * (same cluster, node, boot id and sequence) nothing is stored, whatever else it says.
 */
export async function storeReports(db: Db, reports: readonly StoredReport[]): Promise<Stored[]> {
  const identities = reports.map((report) => JSON.stringify(identityOf(report)));
  const first = new Map<string, StoredReport>();
  for (const [i, report] of reports.entries()) {
    checkWindow(report);
    if (!first.has(identities[i] ?? "")) first.set(identities[i] ?? "", report);
  }
  if (first.size === 0) return [];
  const stored = await append(db, [...first.values()]);
  return identities.map((identity) => (stored.delete(identity) ? "stored" : "duplicate"));
}

/** The identities that were new. Segments go last: whether a sample's report is new is read off them. */
async function append(db: Db, reports: readonly StoredReport[]): Promise<Set<string>> {
  const keys = reports.map((report) => [...identityOf(report), report.from, report.to]);
  const segments = chunk(
    reports.map(({ segment = NOTHING, details = null }, i) => ({ key: keys[i], segment, details })),
    SEGMENTS_A_STATEMENT,
  );
  const samples = reports.map((report, i) => [...(keys[i] ?? []), ...gaugesOf(report)]);
  const addresses = reports.map((report, i) => [...(keys[i] ?? []), addressesOf(report)]);
  const answers = await db.batch([
    db.run(upsertNodes(JSON.stringify(reports.map(wordsOf)))),
    db.run(insertBoots(JSON.stringify(reports.map((report, i) => [...(keys[i] ?? []), report.receivedAt])))),
    db.run(upsertAddresses(JSON.stringify(addresses))),
    db.run(insertSamples(JSON.stringify(samples))),
    ...segments.map((rows) => db.all<Identity>(insertSegments(rows))),
  ]);
  const rows = answers.slice(4).flat() as Identity[];
  return new Set(rows.map((row) => JSON.stringify([row.cluster_id, row.node, row.boot_id, row.sequence])));
}

type Identity = { cluster_id: number; node: string; boot_id: string; sequence: number };

/** Writes no row where nothing changed: then neither an insert nor an update happens. */
function upsertNodes(words: string): SQL {
  return sql`
    insert into nodes (cluster_id, name, agent, kernel, addresses, blind, first_seen_at, described_at)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    from json_each(${words})
    where exists (select 1 from clusters where id = value ->> 0)
      and not exists (
        select 1 from nodes n
        join boots b on b.cluster_id = n.cluster_id and b.node_id = n.id and b.boot_id = value ->> 8
        join segments s on s.cluster_id = n.cluster_id and s.node_id = n.id and s.boot = b.id
          and s.sequence = value ->> 9
        where n.cluster_id = value ->> 0 and n.name = value ->> 1)
    on conflict (cluster_id, name) do update set agent = excluded.agent, kernel = excluded.kernel,
      addresses = excluded.addresses, blind = excluded.blind, described_at = excluded.described_at
    where excluded.described_at > described_at
      and (agent, kernel, addresses, blind)
        is not (excluded.agent, excluded.kernel, excluded.addresses, excluded.blind)`;
}

function insertBoots(keys: string): SQL {
  return sql`
    insert into boots (cluster_id, node_id, boot_id, first_seen_at)
    select n.cluster_id, n.id, r.value ->> 2, r.value ->> 6
    from json_each(${keys}) r
    join nodes n on n.cluster_id = r.value ->> 0 and n.name = r.value ->> 1
    where true
    on conflict do nothing`;
}

const BOOT_OF_REPORT = sql.raw(`
    join nodes n on n.cluster_id = r.value ->> 0 and n.name = r.value ->> 1
    join boots b on b.cluster_id = n.cluster_id and b.node_id = n.id and b.boot_id = r.value ->> 2`);

type SegmentRow = { key: unknown; segment: Uint8Array; details: Uint8Array | null };

function insertSegments(rows: readonly SegmentRow[]): SQL {
  const data = sql.join(
    rows.map(({ segment, details }, i) => sql`(${sql.raw(String(i))}, ${segment}, ${details})`),
    sql`, `,
  );
  return sql`
    with data (i, data, details) as (values ${data})
    insert into segments (cluster_id, node_id, boot, sequence, start, end, data, details)
    select n.cluster_id, n.id, b.id, r.value ->> 3, r.value ->> 4, r.value ->> 5, data.data, data.details
    from json_each(${JSON.stringify(rows.map(({ key }) => key))}) r
    join data on data.i = r.key ${BOOT_OF_REPORT}
    where true
    on conflict do nothing
    returning cluster_id, sequence, (select name from nodes where id = segments.node_id) as node,
      (select boot_id from boots where id = segments.boot) as boot_id`;
}

const GAUGE_NAMES = sql.raw(GAUGE_COLUMNS.map((name) => `"${name}"`).join(", "));
const GAUGE_VALUES = sql.raw(GAUGE_COLUMNS.map((_, i) => `r.value ->> ${i + 6}`).join(", "));

function insertSamples(rows: string): SQL {
  return sql`
    insert into samples (cluster_id, tier, node_id, start, boot, sequence, end, ${GAUGE_NAMES})
    select n.cluster_id, 0, n.id, r.value ->> 4, b.id, r.value ->> 3, r.value ->> 5, ${GAUGE_VALUES}
    from json_each(${rows}) r ${BOOT_OF_REPORT}
    where not exists (
      select 1 from segments s
      where s.cluster_id = n.cluster_id and s.node_id = n.id and s.boot = b.id and s.sequence = r.value ->> 3)`;
}

function checkWindow({ from, to }: StoredReport): void {
  if (!(to > from && to - from <= MAX_WINDOW_MS)) throw new RangeError(`[${from}, ${to}) is no window`);
}

function chunk<T>(rows: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < rows.length; at += size) chunks.push(rows.slice(at, at + size));
  return chunks;
}

/** Enough that a commit costs little a report, few enough that one answer does not wait for hundreds. */
const REPORTS_A_COMMIT = 48;

export type ReportWriter = { store: (report: StoredReport) => Promise<Stored> };

type Waiting = {
  report: StoredReport;
  resolve: (stored: Stored) => void;
  reject: (reason: unknown) => void;
};

/**
 * Stores reports one by one for its callers, but commits those that arrive together in one batch.
 * A report the database refuses fails alone. One writer a process; on Workers one a request, since
 * requests there may not wait for each other.
 */
export function reportWriter(db: Db): ReportWriter {
  const waiting: Waiting[] = [];
  let committing = false;
  const run = async () => {
    committing = true;
    // Requests read in the same turn of the event loop share its commit.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) await commit(db, waiting.splice(0, REPORTS_A_COMMIT));
    committing = false;
  };
  return {
    store: (report) =>
      new Promise((resolve, reject) => {
        waiting.push({ report, resolve, reject });
        if (!committing) void run();
      }),
  };
}

async function commit(db: Db, batch: readonly Waiting[]): Promise<void> {
  try {
    const stored = await storeReports(
      db,
      batch.map(({ report }) => report),
    );
    for (const [i, { resolve }] of batch.entries()) resolve(stored[i] ?? "duplicate");
  } catch (error) {
    // One bad report must not fail the others; where the database itself is away, asking it for each takes the longer.
    if (batch.length === 1 || isDatabaseAway(error)) for (const { reject } of batch) reject(error);
    else for (const one of batch) await commit(db, [one]);
  }
}

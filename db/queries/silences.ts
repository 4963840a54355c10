import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Db } from "../client.ts";
import { storable } from "../text.ts";

/** Nobody is told of what matches, from `startsAt` up to `endsAt`. `matcher` is the caller's, as JSON has it. */
export type Silence = {
  id: number;
  /** Null: every cluster. */
  clusterId: number | null;
  cluster: string | null;
  matcher: unknown;
  startsAt: number;
  endsAt: number;
  author: string;
  reason: string;
  createdAt: number;
};
export type NewSilence = Omit<Silence, "id" | "cluster">;

type Row = Omit<Silence, "matcher"> & { matcher: string };
const toSilence = ({ matcher, ...row }: Row): Silence => ({
  ...row,
  matcher: JSON.parse(matcher) as unknown,
});

const SELECT =
  sql.raw(`select s.id, s.cluster_id as clusterId, c.name as cluster, s.matcher, s.starts_at as startsAt,
  s.ends_at as endsAt, s.author, s.reason, s.created_at as createdAt
  from silences s left join clusters c on c.id = s.cluster_id`);

/** Those in force at the time. */
export async function silencesAt(db: Db, at: number): Promise<Silence[]> {
  const rows = await db.all<Row>(
    sql`${SELECT} where s.ends_at > ${at} and s.starts_at <= ${at} order by s.id`,
  );
  return rows.map(toSilence);
}

export type SilencesAsked = {
  now: number;
  /** Only those of this cluster and of all of them. */
  clusterId?: number | undefined;
  /** Those that are over, too. */
  ended: boolean;
  before?: number | undefined;
  limit: number;
};

/** The latest first. */
export async function listSilences(
  db: Db,
  { now, clusterId, ended, before, limit }: SilencesAsked,
): Promise<Silence[]> {
  const rows = await db.all<Row>(sql`
    ${SELECT}
    where s.ends_at > ${ended ? 0 : now}
      ${clusterId === undefined ? sql`` : sql`and (s.cluster_id = ${clusterId} or s.cluster_id is null)`}
      ${before === undefined ? sql`` : sql`and s.id < ${before}`}
    order by s.id desc limit ${limit}`);
  return rows.map(toSilence);
}

export async function silenceById(db: Db, id: number): Promise<Silence | undefined> {
  const rows = await db.all<Row>(sql`${SELECT} where s.id = ${id}`);
  return rows.map(toSilence)[0];
}

/** How many are in force or to come. */
export async function silencesAhead(db: Db, now: number): Promise<number> {
  const [row] = await db.all<{ count: number }>(
    sql`select count(*) as count from silences where ends_at > ${now}`,
  );
  return row?.count ?? 0;
}

/** Its id. */
export async function insertSilence(db: Db, silence: NewSilence): Promise<number> {
  const [row] = await db.all<{ id: number }>(sql`
    insert into silences (cluster_id, matcher, starts_at, ends_at, author, reason, created_at)
    values (${silence.clusterId}, ${JSON.stringify(silence.matcher)}, ${silence.startsAt}, ${silence.endsAt},
      ${storable(silence.author)}, ${storable(silence.reason)}, ${silence.createdAt})
    returning id`);
  return row?.id ?? 0;
}

/** Ends it now; one that is over stays as it is. False where there is none. */
export async function endSilence(db: Db, id: number, now: number): Promise<boolean> {
  const rows = await db.all(sql`
    update silences set ends_at = min(ends_at, ${now}), starts_at = min(starts_at, ${now}) where id = ${id}
    returning id`);
  return rows.length > 0;
}

/** So long after its end a silence can still be looked up. */
const KEPT_MS = 90 * 86_400_000;

/** Notes of those that are over that what they had muted is told of again, and forgets those that were long ago. */
export const settleSilences = (now: number, guard: SQL): SQL[] => [
  sql`update silences set settled_at = ${now} where ends_at <= ${now} and settled_at is null and ${guard}`,
  sql`delete from silences where ends_at < ${now - KEPT_MS} and ${guard}`,
];

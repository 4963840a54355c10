import { asc, eq, gt, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { clusters, tokens } from "../schema.ts";
import { storable } from "../text.ts";

export const SCOPES = ["ingest", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** `clusterId` null: good for every cluster. `hash` is whatever the caller compares; never the secret. */
export type TokenRow = {
  id: string;
  clusterId: number | null;
  scope: Scope;
  label: string | null;
  hash: string;
  createdAt: number;
  expiresAt: number | null;
};

/** A token with the name of its cluster (null: every cluster). */
export type Token = TokenRow & { cluster: string | null; lastUsedAt: number | null };
export type ListedToken = Omit<Token, "hash">;

export async function insertToken(db: Db, token: TokenRow): Promise<void> {
  const label = token.label === null ? null : storable(token.label);
  await db.insert(tokens).values({ ...token, label });
}

/** Written by hand: it runs for every request, and building it takes longer than the seek. */
export async function tokenById(db: Db, id: string): Promise<Token | undefined> {
  const [token] = await db.all<Token>(sql`
    select t.id, t.cluster_id as clusterId, t.scope, t.label, t.hash, t.created_at as createdAt,
      t.expires_at as expiresAt, t.last_used_at as lastUsedAt, c.name as cluster
    from tokens t left join clusters c on c.id = t.cluster_id
    where t.id = ${storable(id)}`);
  return token;
}

/**
 * As `tokenById`, but look-ups of the same token in one turn of the event loop share one seek: all nodes of a cluster
 * report with one token. A look-up never shares a seek that began before it, so a revoked token ends at once.
 */
export function tokenReader(db: Db): (id: string) => Promise<Token | undefined> {
  const gathering = new Map<string, Promise<Token | undefined>>();
  const seek = async (id: string) => {
    await new Promise((resolve) => setImmediate(resolve));
    gathering.delete(id);
    return tokenById(db, id);
  };
  return (id) => {
    const shared = gathering.get(id) ?? seek(id);
    gathering.set(id, shared);
    return shared;
  };
}

/** Tokens by id, those after `after`, at most `limit`; without their hashes. */
export async function listTokens(
  db: Db,
  page: { after?: string | undefined; limit: number },
): Promise<ListedToken[]> {
  return db
    .select({
      id: tokens.id,
      clusterId: tokens.clusterId,
      scope: tokens.scope,
      label: tokens.label,
      createdAt: tokens.createdAt,
      expiresAt: tokens.expiresAt,
      lastUsedAt: tokens.lastUsedAt,
      cluster: clusters.name,
    })
    .from(tokens)
    .leftJoin(clusters, eq(clusters.id, tokens.clusterId))
    .where(page.after === undefined ? undefined : gt(tokens.id, storable(page.after)))
    .orderBy(asc(tokens.id))
    .limit(page.limit);
}

/** False where there was no such token. */
export async function deleteToken(db: Db, id: string): Promise<boolean> {
  const deleted = await db
    .delete(tokens)
    .where(eq(tokens.id, storable(id)))
    .returning({ id: tokens.id });
  return deleted.length > 0;
}

/** Notes the last use; callers do this at most hourly a token, since it writes a row. */
export async function touchToken(db: Db, id: string, at: number): Promise<void> {
  await db
    .update(tokens)
    .set({ lastUsedAt: at })
    .where(eq(tokens.id, storable(id)));
}

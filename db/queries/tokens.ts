import type { Db } from "../client.ts";

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

export async function insertToken(_db: Db, _token: TokenRow): Promise<void> {
  throw new Error("not yet");
}

export async function tokenById(_db: Db, _id: string): Promise<Token | undefined> {
  throw new Error("not yet");
}

/** Tokens by id, those after `after`, at most `limit`; without their hashes. */
export async function listTokens(
  _db: Db,
  _page: { after?: string | undefined; limit: number },
): Promise<ListedToken[]> {
  throw new Error("not yet");
}

/** False where there was no such token. */
export async function deleteToken(_db: Db, _id: string): Promise<boolean> {
  throw new Error("not yet");
}

/** Notes the last use; callers do this at most hourly a token, since it writes a row. */
export async function touchToken(_db: Db, _id: string, _at: number): Promise<void> {
  throw new Error("not yet");
}

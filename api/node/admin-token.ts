import type { Db } from "../../db/client.ts";
import { insertToken, listTokens } from "../../db/queries/tokens.ts";
import { mintToken } from "../tokens.ts";

const PAGE = 500;

/** Makes an admin token where there is none that works, and gives it to be shown; it is kept as a hash only. */
export async function firstAdminToken(db: Db, now: number): Promise<string | undefined> {
  if (await hasAdminToken(db, now)) return undefined;
  const { id, token, hash } = mintToken("admin");
  const label = "made at the first start";
  await insertToken(db, {
    id,
    hash,
    scope: "admin",
    clusterId: null,
    label,
    createdAt: now,
    expiresAt: null,
  });
  return token;
}

async function hasAdminToken(db: Db, now: number): Promise<boolean> {
  let after: string | undefined;
  for (;;) {
    const page = await listTokens(db, { after, limit: PAGE });
    if (page.some(({ scope, expiresAt }) => scope === "admin" && (expiresAt === null || expiresAt > now)))
      return true;
    after = page.at(-1)?.id;
    if (page.length < PAGE) return false;
  }
}

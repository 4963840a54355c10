import { createMiddleware } from "hono/factory";
import { findToken, touchToken } from "../db/queries/tokens.ts";
import { ProblemError } from "./problem.ts";
import type { AppEnv, Caller, Deps } from "./router.ts";
import { hashToken, sameHash, tokenId } from "./tokens.ts";
import type { Scope } from "./tokens.ts";

/** `lastUsedAt` is for finding forgotten tokens: an hour is near enough, and spares a write per report. */
const TOUCH_EVERY_MS = 3_600_000;
const BEARER = /^Bearer +([^\s]{1,512})$/i;
/** Compared with when there is no row, so that unknown ids take as long as wrong secrets. */
const NO_HASH = "0".repeat(64);

/** Lets callers with one of `scopes` through and names them in `c.var.caller`. */
export const allow = (...scopes: Scope[]) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const token = BEARER.exec(c.req.header("authorization") ?? "")?.[1];
    const caller = token && (await authenticate(c.var.deps, token));
    if (!caller) throw unauthorized();
    if (!scopes.includes(caller.scope))
      throw new ProblemError("forbidden", `This needs a token of scope ${scopes.join(" or ")}.`);
    c.set("caller", caller);
    await next();
  });

/** Whose token this is; undefined when it is unknown, revoked or expired. */
async function authenticate(deps: Deps, token: string): Promise<Caller | undefined> {
  const hash = await hashToken(token);
  if (deps.adminTokenHash && sameHash(hash, deps.adminTokenHash)) return { scope: "admin" };
  const id = tokenId(token);
  const row = id && (await findToken(deps.db, id));
  if (!sameHash(hash, row ? row.hash : NO_HASH) || !row) return undefined;
  const now = deps.now();
  if (row.expiresAt !== null && row.expiresAt <= now) return undefined;
  if (row.lastUsedAt === null || row.lastUsedAt <= now - TOUCH_EVERY_MS) await touchToken(deps.db, row.id, now);
  return { scope: row.scope, cluster: row.cluster ?? undefined };
}

/** The same words whatever is wrong with the token: the reason would help guessing. */
function unauthorized(): ProblemError {
  return new ProblemError("unauthorized", "Send a valid token as Authorization: Bearer <token>.", {
    headers: { "www-authenticate": 'Bearer realm="conntrail"' },
  });
}

/** Whether the caller may read `cluster`; whoever may not is told what is told of a cluster that is not there. */
export const mayRead = (caller: Caller, cluster: string): boolean =>
  caller.cluster === undefined || caller.cluster === cluster;

export const noSuchCluster = () => new ProblemError("not-found", "There is no such cluster.");

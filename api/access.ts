import { createMiddleware } from "hono/factory";
import type { Db } from "../db/client.ts";
import { clusterByName, clustersOfNode, listClusters } from "../db/queries/clusters.ts";
import type { Cluster } from "../db/queries/clusters.ts";
import { tokenById, touchToken } from "../db/queries/tokens.ts";
import type { Scope, Token } from "../db/queries/tokens.ts";
import { ProblemError } from "./problem.ts";
import type { AppEnv, Caller, Deps } from "./router.ts";
import { hashToken, sameHash, tokenId } from "./tokens.ts";

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
export async function authenticate(
  deps: Pick<Deps, "db" | "now" | "adminTokenHash" | "findToken">,
  token: string,
): Promise<Caller | undefined> {
  const hash = hashToken(token);
  if (deps.adminTokenHash && sameHash(hash, deps.adminTokenHash)) return { scope: "admin" };
  const id = tokenId(token);
  const { findToken = (wanted: string) => tokenById(deps.db, wanted) } = deps;
  const row = id === undefined ? undefined : await findToken(id);
  const now = deps.now();
  if (!sameHash(hash, row?.hash ?? NO_HASH) || !row || !holds(row, now)) return undefined;
  if (row.lastUsedAt === null || row.lastUsedAt <= now - TOUCH_EVERY_MS)
    // Where the disk is full the answer is worth more than the note.
    await touchToken(deps.db, row.id, now).catch(() => {});
  return { scope: row.scope, cluster: clusterOf(row) };
}

/** Without its cluster a token would be one for all of them. */
const holds = ({ clusterId, cluster, expiresAt }: Token, now: number) =>
  (clusterId === null || cluster !== null) && (expiresAt === null || expiresAt > now);

const clusterOf = ({ clusterId, cluster }: Token): Caller["cluster"] =>
  clusterId === null || cluster === null ? undefined : { id: clusterId, name: cluster };

/** The same words whatever is wrong with the token: the reason would help guessing. */
function unauthorized(): ProblemError {
  return new ProblemError("unauthorized", "Send a valid token as Authorization: Bearer <token>.", {
    headers: { "www-authenticate": 'Bearer realm="conntrail"' },
  });
}

const noSuchCluster = () => new ProblemError("not-found", "There is no such cluster.");

/** The cluster of that name. Whoever may not read it is told what is told of a cluster that is not there. */
export async function readableCluster(db: Db, caller: Caller, name: string): Promise<Cluster> {
  if (caller.cluster && caller.cluster.name !== name) throw noSuchCluster();
  const cluster = await clusterByName(db, name);
  if (!cluster) throw noSuchCluster();
  return cluster;
}

/** The same; of a node, those that know one of that name. Throws a problem where none does. */
export async function clustersAsked(
  db: Db,
  caller: Caller,
  { cluster, node }: { cluster?: string | undefined; node?: string | undefined },
): Promise<Cluster[]> {
  const clusters = await readableClusters(db, caller, cluster);
  if (node === undefined) return clusters;
  const known = new Set(await clustersOfNode(db, node));
  const found = clusters.filter(({ id }) => known.has(id));
  if (found.length === 0) throw new ProblemError("not-found", "No cluster asked knows a node of that name.");
  return found;
}

/** The cluster of that name, or without a name all the caller may read. */
export async function readableClusters(db: Db, caller: Caller, name: string | undefined): Promise<Cluster[]> {
  if (name !== undefined) return [await readableCluster(db, caller, name)];
  const clusters = await listClusters(db);
  return clusters.filter(({ id }) => !caller.cluster || caller.cluster.id === id);
}

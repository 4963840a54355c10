import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import type { Db } from "../../db/client.ts";
import { clusterByName } from "../../db/queries/clusters.ts";
import { deleteToken, insertToken, listTokens, SCOPES } from "../../db/queries/tokens.ts";
import type { ListedToken } from "../../db/queries/tokens.ts";
import { allow } from "../access.ts";
import { readSmallJson } from "../body.ts";
import {
  bearer,
  body,
  bodyProblems,
  ClusterName,
  json,
  problems,
  Time,
  toTime,
  toTimeOrNull,
} from "../contract.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { invalid, ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import { mintToken } from "../tokens.ts";
import { Instant } from "../window.ts";

const MAX_LABEL = 100;

const Token = z
  .object({
    id: z.string(),
    scope: z.enum(SCOPES),
    cluster: z.string().nullable().meta({ description: "Null: every cluster." }),
    label: z.string().nullable(),
    createdAt: Time,
    expiresAt: Time.nullable(),
    lastUsedAt: Time.nullable().meta({ description: "Kept to the hour." }),
  })
  .meta({ id: "Token" });

const MintedToken = z
  .object({ ...Token.shape, token: z.string().meta({ description: "The secret, shown this once." }) })
  .meta({ id: "MintedToken" });

/** An ingest token speaks for one cluster, an admin token for all; a read token for one or for all. */
export const NewToken = z
  .object({
    scope: z.enum(SCOPES),
    cluster: ClusterName.optional(),
    label: z.string().max(MAX_LABEL).optional(),
    expiresAt: Instant.optional().meta({ format: "date-time" }),
  })
  .superRefine(({ scope, cluster }, check) => {
    const complain = (message: string) => check.addIssue({ code: "custom", path: ["cluster"], message });
    if (scope === "ingest" && cluster === undefined) complain("an ingest token needs a cluster");
    if (scope === "admin" && cluster !== undefined) complain("an admin token is for all clusters");
  })
  .meta({ id: "NewToken" });
export type NewToken = z.infer<typeof NewToken>;

const toToken = (row: Omit<ListedToken, "clusterId">) => ({
  id: row.id,
  scope: row.scope,
  cluster: row.cluster,
  label: row.label,
  createdAt: toTime(row.createdAt),
  expiresAt: toTimeOrNull(row.expiresAt),
  lastUsedAt: toTimeOrNull(row.lastUsedAt),
});

const createToken = createRoute({
  method: "post",
  path: "/v1/tokens",
  summary: "Make a token",
  security: bearer,
  middleware: allow("admin"),
  request: { body: body("NewToken") },
  responses: { 201: json(MintedToken, "Made"), ...problems(401, 403, 503, 507), ...bodyProblems },
});

const getTokens = createRoute({
  method: "get",
  path: "/v1/tokens",
  summary: "The tokens there are, without their secrets",
  security: bearer,
  middleware: allow("admin"),
  request: { query: z.strictObject(pageParameters) },
  responses: {
    200: json(z.object({ tokens: z.array(Token), next: Next }), "Tokens"),
    ...problems(401, 403, 422, 503),
  },
});

const revokeToken = createRoute({
  method: "delete",
  path: "/v1/tokens/{id}",
  summary: "Revoke a token, at once",
  security: bearer,
  middleware: allow("admin"),
  request: { params: z.object({ id: z.string().max(64) }) },
  responses: { 204: { description: "Revoked" }, ...problems(401, 403, 404, 503, 507) },
});

export const tokens = router();

tokens.openapi(createToken, async (c) => {
  const { db, now } = c.var.deps;
  const wanted = parseNewToken(await readSmallJson(c.req.raw, c.var.deps.bodyDeadlineMs), now());
  const cluster = await clusterIdOf(db, wanted);
  const { id, token, hash } = mintToken(wanted.scope);
  const row = {
    id,
    clusterId: cluster,
    scope: wanted.scope,
    label: wanted.label ?? null,
    createdAt: now(),
    expiresAt: wanted.expiresAt ?? null,
  };
  await insertToken(db, { ...row, hash });
  return c.json({ ...toToken({ ...row, cluster: wanted.cluster ?? null, lastUsedAt: null }), token }, 201);
});

tokens.openapi(getTokens, async (c) => {
  const page = pageQuery(c.req.valid("query"));
  const { rows, ...next } = toPage(await listTokens(c.var.deps.db, page), page, ({ id }) => id);
  return c.json({ tokens: rows.map(toToken), ...next }, 200);
});

tokens.openapi(revokeToken, async (c) => {
  const known = await deleteToken(c.var.deps.db, c.req.valid("param").id);
  if (!known) throw new ProblemError("not-found", "There is no such token.");
  return c.body(null, 204);
});

function parseNewToken(body: unknown, now: number): NewToken {
  const parsed = NewToken.safeParse(body);
  if (!parsed.success) throw invalid("The token is invalid.", parsed.error.issues);
  if (parsed.data.expiresAt !== undefined && parsed.data.expiresAt <= now)
    throw invalid("The token is invalid.", [{ path: ["expiresAt"], message: "must be in the future" }]);
  return parsed.data;
}

async function clusterIdOf(db: Db, { cluster }: NewToken): Promise<number | null> {
  if (cluster === undefined) return null;
  const row = await clusterByName(db, cluster);
  if (row) return row.id;
  throw invalid("The token is invalid.", [{ path: ["cluster"], message: "there is no such cluster" }]);
}

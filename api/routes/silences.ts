import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { clusterByName } from "../../db/queries/clusters.ts";
import {
  endSilence,
  insertSilence,
  listSilences,
  silenceById,
  silencesAhead,
} from "../../db/queries/silences.ts";
import type { Silence as KeptSilence } from "../../db/queries/silences.ts";
import { allow, readableCluster } from "../access.ts";
import { isOfRules, NO_SUCH_RULE } from "../alerts/known-rules.ts";
import { fits } from "../alerts/pattern.ts";
import { Matcher, MAX_AUTHOR, MAX_REASON, MAX_SILENCE_MS } from "../alerts/silence.ts";
import { readSmallJson } from "../body.ts";
import { bearer, body, bodyProblems, ClusterName, json, problems, Time, toTime } from "../contract.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { filters, flag, whole } from "../parameters.ts";
import { invalid, ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import type { Caller, Deps } from "../router.ts";
import { Duration, Instant } from "../window.ts";

/** Each is held against each transition: more are a filter of a channel, or a rule that is off. */
const MAX_SILENCES = 500;

const Silence = z
  .object({
    id: z.int(),
    cluster: z.string().nullable().meta({ description: "Null: every cluster." }),
    matcher: Matcher,
    state: z.enum(["pending", "active", "ended"]),
    startsAt: Time,
    endsAt: Time,
    author: z.string(),
    reason: z.string(),
    createdAt: Time,
  })
  .meta({ id: "Silence" });

export const NewSilence = z
  .object({
    cluster: ClusterName.optional().meta({ description: "One cluster. Default: every cluster." }),
    matcher: Matcher.meta({
      description:
        "What is kept quiet: that which fits all that is given. A name, or with * at its begin, its end or both.",
    }),
    startsAt: Instant.optional().meta({ format: "date-time", description: "Default now." }),
    endsAt: Instant.optional().meta({ format: "date-time", description: "Give this or `for`." }),
    for: Duration.optional().meta({ description: "How long it holds.", example: "2h" }),
    author: z.string().min(1).max(MAX_AUTHOR),
    reason: z.string().min(1).max(MAX_REASON),
  })
  .meta({ id: "NewSilence" });

const postSilence = createRoute({
  method: "post",
  path: "/v1/silences",
  summary: "Keep quiet about something for a time",
  description:
    "Anomalies open and resolve as ever, but nobody is told. What is open is quiet within a minute. What is still wrong when it ends is told then, once.",
  security: bearer,
  middleware: allow("admin"),
  request: { body: body("NewSilence") },
  responses: { 201: json(Silence, "Added"), ...problems(401, 403, 409, 503, 507), ...bodyProblems },
});

const getSilences = createRoute({
  method: "get",
  path: "/v1/silences",
  summary: "What is kept quiet, the latest first",
  security: bearer,
  middleware: allow("read", "admin"),
  request: {
    query: z.strictObject({
      cluster: filters.cluster,
      ended: flag.optional().meta({ param: { description: "Those that are over, too. Default false." } }),
      ...pageParameters,
    }),
  },
  responses: {
    200: json(z.object({ silences: z.array(Silence), next: Next }), "Silences"),
    ...problems(401, 403, 404, 422, 503),
  },
});

const deleteSilence = createRoute({
  method: "delete",
  path: "/v1/silences/{id}",
  summary: "End a silence now",
  description:
    "It can still be looked up for 90 days. What it had muted and is still wrong is told within a minute.",
  security: bearer,
  middleware: allow("admin"),
  request: { params: z.object({ id: z.string().regex(/^[1-9]\d{0,14}$/) }) },
  responses: { 204: { description: "Ended" }, ...problems(401, 403, 404, 503, 507) },
});

export const silences = router();

silences.openapi(postSilence, async (c) => {
  const { deps } = c.var;
  const now = deps.now();
  const wanted = parseNewSilence(await readSmallJson(c.req.raw, deps.bodyDeadlineMs), now);
  const clusterId = await clusterIdOf(deps, wanted.cluster);
  if ((await silencesAhead(deps.db, now)) >= MAX_SILENCES)
    throw new ProblemError(
      "conflict",
      `There are ${MAX_SILENCES} silences in force or to come: end some first.`,
    );
  const { cluster: _, ...silence } = wanted;
  const id = await insertSilence(deps.db, { ...silence, clusterId, createdAt: now });
  return c.json(
    silenceAnswer({ ...wanted, id, clusterId, createdAt: now, cluster: wanted.cluster ?? null }, now),
    201,
  );
});

silences.openapi(getSilences, async (c) => {
  const { db, now } = c.var.deps;
  const { cluster, ended = false, ...paged } = c.req.valid("query");
  const { caller } = c.var;
  const named = cluster === undefined ? caller.cluster : await readableCluster(db, caller, cluster);
  const page = pageQuery(paged);
  const before = page.after === undefined ? undefined : placeOf(page.after);
  const at = now();
  const rows = await listSilences(db, { now: at, clusterId: named?.id, ended, before, limit: page.limit });
  const { rows: shown, ...next } = toPage(rows, page, ({ id }) => String(id));
  const readable = shown.filter((silence) => mayRead(caller, silence));
  return c.json({ silences: readable.map((row) => silenceAnswer(row, at)), ...next }, 200);
});

silences.openapi(deleteSilence, async (c) => {
  const { db, now } = c.var.deps;
  const id = Number(c.req.valid("param").id);
  const silence = await silenceById(db, id);
  if (!silence) throw new ProblemError("not-found", "There is no such silence.");
  await endSilence(db, id, now());
  return c.body(null, 204);
});

/** Names of other clusters are not for everybody. */
function mayRead({ cluster }: Caller, silence: KeptSilence): boolean {
  const wanted = (silence.matcher as Matcher).cluster;
  return !cluster || wanted === undefined || fits(wanted, cluster.name);
}

function parseNewSilence(sent: unknown, now: number) {
  const parsed = NewSilence.safeParse(sent);
  if (!parsed.success) throw invalid("The silence is invalid.", parsed.error.issues);
  const { for: lasting, startsAt = now, endsAt, ...rest } = parsed.data;
  const complain = (path: string, message: string) =>
    invalid("The silence is invalid.", [{ path: [path], message }]);
  if ((lasting === undefined) === (endsAt === undefined))
    throw complain("endsAt", "give either endsAt or for");
  const { rule } = rest.matcher;
  if (rule !== undefined && !isOfRules(rule))
    throw invalid("The silence is invalid.", [{ path: ["matcher", "rule"], message: NO_SUCH_RULE }]);
  const end = endsAt ?? startsAt + (lasting ?? 0);
  if (end <= Math.max(now, startsAt)) throw complain("endsAt", "must be in the future, and after startsAt");
  if (end - startsAt > MAX_SILENCE_MS)
    throw complain(
      endsAt === undefined ? "for" : "endsAt",
      `over ${MAX_SILENCE_MS / 86_400_000} days: switch the rule off instead`,
    );
  return { ...rest, startsAt, endsAt: end };
}

async function clusterIdOf({ db }: Deps, name: string | undefined): Promise<number | null> {
  if (name === undefined) return null;
  const cluster = await clusterByName(db, name);
  if (cluster) return cluster.id;
  throw invalid("The silence is invalid.", [{ path: ["cluster"], message: "there is no such cluster" }]);
}

function silenceAnswer(silence: KeptSilence, now: number): z.infer<typeof Silence> {
  const { id, cluster, matcher, startsAt, endsAt, author, reason, createdAt } = silence;
  return {
    id,
    cluster,
    matcher: matcher as Matcher,
    state: now >= endsAt ? "ended" : now < startsAt ? "pending" : "active",
    startsAt: toTime(startsAt),
    endsAt: toTime(endsAt),
    author,
    reason,
    createdAt: toTime(createdAt),
  };
}

function placeOf(cursor: string): number {
  const at = whole(1, 999_999_999_999_999).safeParse(cursor);
  if (at.success) return at.data;
  throw invalid("The query is invalid.", [{ path: ["cursor"], message: "not a cursor of this list" }]);
}

import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { attribute, leasesHeld } from "../../db/queries/attribution.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { allow, clustersAsked, readableClusters } from "../access.ts";
import { toAnswer, toLeases } from "../attribution/answer.ts";
import { MAX_BATCH_BYTES, MAX_LINES, readBatch } from "../attribution/batch.ts";
import { answerItems, csvParts, jsonParts } from "../attribution/lines.ts";
import { AttributionQuery, BatchQuery, DEFAULT_LEASES, LeasesQuery } from "../attribution/parameters.ts";
import { DEFAULT_TOLERANCE_MS, fieldsOf, toQuestion } from "../attribution/question.ts";
import { leasesCsv } from "../attribution/rows.ts";
import { Attribution, Batch, Leases } from "../attribution/schema.ts";
import { streamed } from "../attribution/streamed.ts";
import { bearer, bodyProblems, json, problems, referTo } from "../contract.ts";
import { router } from "../router.ts";
import { resolveWindow } from "../window.ts";

const CSV = "text/csv; charset=utf-8; header=present";
const JSON_TYPE = "application/json";
const orCsv = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { ...json(schema, "").content, "text/csv": { schema: z.string() } },
});

const getAttribution = createRoute({
  method: "get",
  path: "/v1/attribution",
  summary: "Who was behind an address and port",
  description:
    "The address and port that a peer saw are those of a node, where SNAT is on the way. Each node told which of its Pods had which " +
    "port towards which peer; the answer says who it was, how sure that is, and by what. Give the peer and its port: towards " +
    "another peer another Pod may have the same port at the same time.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: AttributionQuery },
  responses: {
    200: json(Attribution, "Who, best first; where nobody can know, why"),
    ...problems(401, 403, 404, 422, 503),
  },
});

const getLeases = createRoute({
  method: "get",
  path: "/v1/attribution/leases",
  summary: "What a Pod looked like from outside",
  description:
    "The other way round: the leases of a Pod, or of a source address, over a range or at an instant, for a complaint that names a Pod.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: LeasesQuery },
  responses: { 200: orCsv(Leases, "Leases, the latest first"), ...problems(401, 403, 404, 422, 503) },
});

const text = { schema: { type: "string" as const } };
const postAttribution = createRoute({
  method: "post",
  path: "/v1/attribution",
  summary: "Who was behind many addresses and ports",
  description:
    `Up to ${MAX_LINES} lines, ${MAX_BATCH_BYTES} bytes, answered in their order. Content-Type says what they are. application/json: ` +
    "questions. text/csv: the first line names the columns, after the parameters of GET; others are passed over. text/plain: a process list " +
    "of MySQL or pg_stat_activity, ss, netstat, lsof, or a log (of a web server, HAProxy, PostgreSQL, sshd, as JSON, or any other in which an address " +
    "and port are found: the first of the line that is not in quotes). The query says what lines do not; the time of a line of a log " +
    "is its own. A year that is not written is the last in which the time is no more than a day ahead. Where the query names a peer, it counts " +
    "in place of the other end of a socket. A line that asks nothing or is wrong has an `error`, and the others their answers.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: {
    query: BatchQuery,
    body: {
      required: true,
      content: {
        "application/json": { schema: referTo("AttributionQuestions") },
        "text/csv": text,
        "text/plain": text,
      },
    },
  },
  responses: { 200: orCsv(Batch, "An answer a line"), ...problems(401, 403, 404, 503), ...bodyProblems },
});

export const attribution = router();

attribution.openapi(getAttribution, async (c) => {
  const { deps, caller } = c.var;
  const { address = "", ...fields } = fieldsOf(c.req.valid("query"));
  const now = deps.now();
  const question = toQuestion({ ...fields, address }, now);
  const clusters = await clustersAsked(deps.db, caller, fields);
  const place = { clusters, node: fields.node, now, retention: deps.retention ?? DEFAULT_RETENTION };
  return c.json(toAnswer(question, await attribute(deps.db, place, question)), 200);
});

attribution.openapi(getLeases, async (c) => {
  const { deps, caller } = c.var;
  const { at, tolerance = DEFAULT_TOLERANCE_MS, format, ...query } = c.req.valid("query");
  const { pod, namespace, source, limit = DEFAULT_LEASES } = query;
  const now = deps.now();
  const range = at === undefined ? resolveWindow(query, now) : around(at, tolerance);
  const clusters = await clustersAsked(deps.db, caller, query);
  const place = { clusters, node: query.node, now, retention: deps.retention ?? DEFAULT_RETENTION };
  const { peer, peerPort, protocol } = fieldsOf({ ...query });
  const asked = { pod, namespace, source, peer, peerPort, protocol, ...range, limit };
  const leases = toLeases(await leasesHeld(deps.db, place, asked), range);
  if (format !== "csv") return c.json(leases, 200);
  return c.body(leasesCsv(leases), 200, {
    "content-type": CSV,
    "content-disposition": 'attachment; filename="leases.csv"',
  });
});

/** Half open, so that it holds the instant with no tolerance too. */
const around = (at: number, toleranceMs: number) => ({
  from: Math.max(0, at - toleranceMs),
  to: at + toleranceMs + 1,
});

attribution.openapi(postAttribution, async (c) => {
  const { deps, caller } = c.var;
  const { zone, side = "remote", evidence = false, format, ...common } = c.req.valid("query");
  const defaults = fieldsOf(common);
  const now = deps.now();
  await clustersAsked(deps.db, caller, defaults);
  const clusters = await readableClusters(deps.db, caller, undefined);
  const rules = { zoneMs: zone, side, now, defaults, deadlineMs: deps.bodyDeadlineMs };
  const items = await readBatch(c.req.raw, rules);
  const retention = deps.retention ?? DEFAULT_RETENTION;
  const answered = await answerItems({ db: deps.db, clusters, now, retention }, items);
  if ((format ?? accepted(c.req.header("accept"))) !== "csv")
    return c.body(streamed(jsonParts(answered, evidence)), 200, { "content-type": JSON_TYPE });
  return c.body(streamed(csvParts(answered)), 200, {
    "content-type": CSV,
    "content-disposition": 'attachment; filename="attribution.csv"',
  });
});

/** What a client that says no format wants: CSV where it names that and not JSON. */
const accepted = (accept = ""): "json" | "csv" =>
  accept.includes("text/csv") && !accept.includes(JSON_TYPE) ? "csv" : "json";

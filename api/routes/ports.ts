import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { byFill, fullestPorts } from "../../db/queries/ports.ts";
import { DEFAULT_RETENTION, MAX_AHEAD_MS, WINDOW } from "../../db/tiers.ts";
import { allow, clustersAsked } from "../access.ts";
import { bearer, json, problems, toTime } from "../contract.ts";
import { inTurn } from "../in-turn.ts";
import { Address, filters, flowFilters, ownerFilters, whole } from "../parameters.ts";
import { portRows } from "../ports-answer.ts";
import { PortsAnswer } from "../ports.ts";
import { invalid } from "../problem.ts";
import { router } from "../router.ts";
import { Duration, Instant } from "../window.ts";

/** Of each row's node some dumps before are read for the trend. */
export const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;
/** Of dumps in half a minute each, as many as points; and no more than a line may be told of. */
const MIN_SINCE_MS = 5 * 60_000;
const MAX_SINCE_MS = 24 * 3_600_000;
const DEFAULT_SINCE_MS = 15 * 60_000;

const PortsQuery = z
  .strictObject({
    ...filters,
    address: Address.optional().meta({ param: { description: "NAT address." } }),
    peer: flowFilters.peer,
    port: flowFilters.port,
    protocol: flowFilters.protocol,
    pod: ownerFilters.pod,
    namespace: ownerFilters.namespace.meta({ param: { description: "Namespace of `pod`." } }),
    at: Instant.optional().meta({
      param: { description: "As it was then, RFC 3339 or epoch milliseconds. Default now." },
    }),
    since: Duration.optional().meta({
      param: { description: "How far back the trend goes, 5m to 24h. Default 15m.", example: "15m" },
    }),
    limit: whole(1, MAX_LIMIT)
      .optional()
      .meta({ param: { description: `Rows at most, 1 to ${MAX_LIMIT}. Default ${DEFAULT_LIMIT}.` } }),
  })
  .superRefine(({ pod, namespace, since = DEFAULT_SINCE_MS }, check) => {
    if (namespace !== undefined && pod === undefined)
      check.addIssue({ code: "custom", path: ["namespace"], message: "only together with pod" });
    if (since < MIN_SINCE_MS || since > MAX_SINCE_MS)
      check.addIssue({ code: "custom", path: ["since"], message: "not from 5m to 24h" });
  });

const getPorts = createRoute({
  method: "get",
  path: "/v1/ports",
  summary: "Which NAT ports run out, whose they are, and when",
  description:
    "NAT ports in use, by all that shares them: a node's NAT address, a protocol, a peer, its port and a conntrack zone; the fullest " +
    "first, as the last dump of each node has them, with each Pod's share, the trend and when none is left.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: PortsQuery },
  responses: { 200: json(PortsAnswer, "The fullest first"), ...problems(401, 403, 404, 422, 503) },
});

export const ports = router().openapi(getPorts, async (c) => {
  const { db, retention = DEFAULT_RETENTION, now } = c.var.deps;
  const { address, since = DEFAULT_SINCE_MS, limit = DEFAULT_LIMIT, ...query } = c.req.valid("query");
  const kept = now() - retention[WINDOW];
  if (query.at !== undefined && query.at < kept) throw forgotten(kept);
  const clusters = await clustersAsked(db, c.var.caller, query);
  // The clock of a node may run ahead.
  const asked = { ...query, natAddress: address, limit, at: query.at ?? now() + MAX_AHEAD_MS };
  const found = await inTurn(clusters, ({ id }) => fullestPorts(db, id, asked));
  const fullest = found
    .flatMap(({ rows }, of) => rows.map((row) => ({ row, of })))
    .toSorted((a, b) => byFill(a.row, b.row))
    .slice(0, limit);
  const at = query.at ?? now();
  const told = await inTurn(clusters, (cluster, of) => {
    const own = fullest.filter((one) => one.of === of).map(({ row }) => row);
    return portRows(db, cluster, own, { at, sinceMs: since });
  });
  const next = told.map((rows) => rows.values());
  const sum = (read: (one: (typeof found)[number]) => number) =>
    found.reduce((all, one) => all + read(one), 0);
  return c.json(
    {
      at: toTime(at),
      ports: fullest.flatMap(({ of }) => next[of]?.next().value ?? []),
      matching: sum(({ matching }) => matching),
      nodes: { reporting: sum(({ nodes }) => nodes.reporting), known: sum(({ nodes }) => nodes.known) },
      unlisted: Math.max(0, ...found.map(({ unlisted }) => unlisted)),
    },
    200,
  );
});

const forgotten = (kept: number) =>
  invalid("The query is invalid.", [
    { path: ["at"], message: `windows are kept since ${toTime(kept)}: ask for then or later` },
  ]);

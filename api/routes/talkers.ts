import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { ownersOf } from "../../db/queries/peer-owners.ts";
import { TALKER_METRICS, topTalkers } from "../../db/queries/talkers.ts";
import { BYS, isKnown } from "../../db/talkers/source.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { allow, clustersAsked } from "../access.ts";
import { bearer, json, problems } from "../contract.ts";
import { askFleet } from "../fleet.ts";
import { filters, flowFilters, ownerFilters, whole } from "../parameters.ts";
import { router } from "../router.ts";
import { csvOf, jsonOf, namedRows } from "../talker-answer.ts";
import { Talkers } from "../top.ts";
import { resolveWindow, windowParameters } from "../window.ts";

const MAX_LIMIT = 500;
const DEFAULT_LIMIT = 20;

const TalkerQuery = z
  .strictObject({
    by: z
      .enum(BYS)
      .optional()
      .meta({ param: { description: "What a row is. Default address." } }),
    metric: z
      .enum(TALKER_METRICS)
      .optional()
      .meta({
        param: {
          description:
            "What to rank by. Default entries; peers only by pod and by address, and without a filter by flow.",
        },
      }),
    ...filters,
    ...ownerFilters,
    ...flowFilters,
    ...windowParameters,
    limit: whole(1, MAX_LIMIT)
      .optional()
      .meta({ param: { description: `Rows at most, 1 to ${MAX_LIMIT}. Default ${DEFAULT_LIMIT}.` } }),
    format: z
      .enum(["json", "csv"])
      .optional()
      .meta({
        param: { description: "csv: the rows, what is not attributed and the remainder, as a file." },
      }),
  })
  .superRefine(({ by = "address", metric = "entries", ...filter }, check) => {
    if (!isKnown(metric, by, filter))
      check.addIssue({
        code: "custom",
        path: ["metric"],
        message: isKnown(metric, by, {})
          ? `nobody counts ${metric} by ${by}, so narrowed`
          : `nobody counts ${metric} by ${by}`,
      });
  });

const getTalkers = createRoute({
  method: "get",
  path: "/v1/talkers",
  summary: "Who uses the tables most",
  description:
    "entries, snatEntries, unreplied and peers are the most a row held at once: in any one minute, its nodes added up. " +
    "opened, closed, bytes and packets are all that happened in the range. Rows, `unattributed` and remainder add up to the " +
    "total, and `share` is a part of it by `rankedBy`: the metric, or entries where no row knows that. A question about a " +
    "node or a Pod is answered from what its node reported, any other from the largest of the cluster in each slot of time; `exact`, " +
    "`lack` and `missing` say how near that is. Without `cluster`, all the token may read are answered as one.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: TalkerQuery },
  responses: {
    200: {
      description: "The largest first, and a remainder",
      content: { ...json(Talkers, "").content, "text/csv": { schema: z.string() } },
    },
    ...problems(401, 403, 404, 422, 503),
  },
});

export const talkers = router().openapi(getTalkers, async (c) => {
  const { deps, caller } = c.var;
  const {
    by = "address",
    metric = "entries",
    limit = DEFAULT_LIMIT,
    format,
    ...query
  } = c.req.valid("query");
  const now = deps.now();
  const window = resolveWindow(query, now);
  const clusters = await clustersAsked(deps.db, caller, query);
  const asked = { ...query, ...window, by, metric, retention: deps.retention ?? DEFAULT_RETENTION, now };
  const answer = await askFleet(
    clusters.map(({ id, name }) => ({
      cluster: name,
      ask: (limit) => topTalkers(deps.db, { ...asked, limit, clusterId: id }),
    })),
    limit,
    metric,
  );
  const at = Math.min(window.to, now) - 1;
  const rows = await namedRows(by, answer.rows, (cluster, addresses) => {
    const { id = 0 } = clusters.find(({ name }) => name === cluster) ?? {};
    return ownersOf(deps.db, id, addresses, at);
  });
  if (format === "csv")
    return c.body(csvOf(by, rows, answer), 200, {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="talkers-by-${by}.csv"`,
    });
  return c.json(jsonOf({ by, metric, window, clusters: clusters.length }, rows, answer), 200);
});

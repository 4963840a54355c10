import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { ownersOf } from "../../db/queries/peer-owners.ts";
import { sourcesOf } from "../../db/queries/sources.ts";
import type { SourcesAnswer } from "../../db/queries/sources.ts";
import { SOURCE_BYS } from "../../db/talkers/sources.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { allow, clustersAsked } from "../access.ts";
import { bearer, json, problems } from "../contract.ts";
import { askFleet } from "../fleet.ts";
import { inTurn } from "../in-turn.ts";
import { filters, flowFilters, ownerFilters, whole } from "../parameters.ts";
import { parsePeer } from "../peer.ts";
import { invalid } from "../problem.ts";
import { protocolName } from "../protocol.ts";
import { router } from "../router.ts";
import { jsonParts, sourceRows, sourcesCsv } from "../sources-answer.ts";
import { SOURCE_METRICS, Sources } from "../sources.ts";
import { windowOf } from "../talker-answer.ts";
import { ownerOf } from "../talker-rows.ts";
import { resolveWindow, windowParameters } from "../window.ts";

const MAX_LIMIT = 500;
const DEFAULT_LIMIT = 20;
const TCP = 6;

const SourcesQuery = z.strictObject({
  by: z
    .enum(SOURCE_BYS)
    .optional()
    .meta({ param: { description: "What a row is. Default pod." } }),
  metric: z
    .enum(SOURCE_METRICS)
    .optional()
    .meta({ param: { description: "What to rank by. Default entries." } }),
  protocol: flowFilters.protocol.meta({
    param: { description: "Name or IANA number. Default tcp.", example: "udp" },
  }),
  nat: flowFilters.nat,
  source: flowFilters.source,
  ...filters,
  ...ownerFilters,
  ...windowParameters,
  limit: whole(1, MAX_LIMIT)
    .optional()
    .meta({ param: { description: `Rows at most, 1 to ${MAX_LIMIT}. Default ${DEFAULT_LIMIT}.` } }),
  format: z
    .enum(["json", "csv"])
    .optional()
    .meta({
      param: {
        description: "csv: the rows, what is not attributed, the remainder and the total, as a file.",
      },
    }),
});

const getSources = createRoute({
  method: "get",
  path: "/v1/peers/{peer}/sources",
  summary: "Who reaches a service outside, and how hard",
  description:
    "The Pods, workloads, namespaces or clusters whose flows go to the peer, through which NAT addresses, how many flows they hold and " +
    "open, and how much these move. Flows are told by their far end after DNAT: of a Service ask for its Pods. Without `cluster`, all " +
    "the token may read are answered as one.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: {
    params: z.object({
      peer: z.string().meta({
        param: {
          description:
            "Address and port of the service, IPv6 in brackets: `10.0.0.9:3306`, `[fd00::9]:3306`. Without a port, all of its ports.",
        },
        example: "10.0.0.9:3306",
      }),
    }),
    query: SourcesQuery,
  },
  responses: {
    200: {
      description: "The largest first, a remainder and the total",
      content: { ...json(Sources, "").content, "text/csv": { schema: z.string() } },
    },
    ...problems(401, 403, 404, 422, 503),
  },
});

function peerAsked(text: string) {
  const peer = parsePeer(text);
  if (peer) return peer;
  const message = "neither address:port such as 10.0.0.9:3306 or [fd00::9]:3306 nor an address alone";
  throw invalid("The path is invalid.", [{ path: ["peer"], message }]);
}

export const peers = router().openapi(getSources, async (c) => {
  const { deps, caller } = c.var;
  const { by = "pod", metric = "entries", limit = DEFAULT_LIMIT, format, ...query } = c.req.valid("query");
  const { address, port } = peerAsked(c.req.valid("param").peer);
  const { protocol = TCP } = query;
  const now = deps.now();
  const window = resolveWindow(query, now);
  const clusters = await clustersAsked(deps.db, caller, query);
  const retention = deps.retention ?? DEFAULT_RETENTION;
  const asked = { ...query, ...window, by, metric, peer: address, port, protocol, retention, now };
  const found = new Map<string, SourcesAnswer>();
  const answer = await askFleet(
    clusters.map(({ id, name }) => ({
      cluster: name,
      ask: async (limit) => {
        const own = await sourcesOf(deps.db, { ...asked, limit, clusterId: id });
        found.set(name, own);
        return own;
      },
    })),
    limit,
    metric,
  );
  const rows = sourceRows(by, answer, found);
  if (format === "csv")
    return c.body(sourcesCsv(by, rows, answer), 200, {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="sources-by-${by}.csv"`,
    });
  const at = Math.min(window.to, now) - 1;
  const heldBy = await inTurn(clusters, async ({ id, name }) => {
    const holder = (await ownersOf(deps.db, id, [address], at)).get(address);
    return { cluster: name, holder: ownerOf(holder) };
  });
  return c.json(
    {
      peer: address,
      port: port ?? null,
      protocol: protocolName(protocol),
      heldBy: heldBy.flatMap(({ cluster, holder }) => (holder ? [{ cluster, ...holder }] : [])),
      by,
      metric,
      rankedBy: answer.rankedBy === metric ? metric : ("entries" as const),
      sources: rows,
      ...jsonParts(answer),
      window: windowOf(answer, window, clusters.length),
    },
    200,
  );
});

import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { ownerships } from "../../db/queries/owners.ts";
import type { Ownership } from "../../db/queries/owners.ts";
import { allow, readableClusters } from "../access.ts";
import { bearer, json, problems, Time, toTime, toTimeOrNull } from "../contract.ts";
import { Next, pageParameters, pageQuery, toPage } from "../page.ts";
import { Address, filters } from "../parameters.ts";
import { invalid } from "../problem.ts";
import { router } from "../router.ts";
import { Instant } from "../window.ts";
import { MAX_TEXT } from "../wire.ts";

const Name = z.string().min(1).max(MAX_TEXT);

const OwnersQuery = z.strictObject({
  address: Address.optional().meta({ param: { description: "Who held this address." } }),
  namespace: Name.optional().meta({ param: { description: "What the owners of this namespace held." } }),
  pod: Name.optional().meta({
    param: { description: "What the Pod (or host, container, service) of this name held." },
  }),
  at: Instant.optional().meta({
    param: {
      description: "Only who held it then, RFC 3339 or epoch milliseconds. Default: all there ever were.",
    },
  }),
  ...filters,
  ...pageParameters,
});

const Text = z.string().nullable();

const Ownership = z
  .object({
    cluster: z.string(),
    node: Text.meta({ description: "The node that says so; null of services, which all nodes say alike." }),
    address: z.string(),
    kind: z.string().meta({ description: "pod, host, service, container or external." }),
    namespace: Text,
    name: z.string(),
    uid: Text,
    workloadKind: Text,
    workload: Text,
    source: z.string().meta({ description: "Where the node has it from: kubernetes, docker or file." }),
    since: Time.nullable().meta({ description: "Null: since before anybody looked." }),
    until: Time.nullable().meta({ description: "Null: still, when its node reported last." }),
    endedBy: z.enum(["report", "absence"]).nullable().meta({
      description:
        "report: the node said when. absence: it did not, and `until` is the first of its complete lists that lacks it. Null: it goes on.",
    }),
  })
  .meta({
    id: "Ownership",
    description: "Somebody held an address. Null is not known, where nothing else is said.",
  });

const toOwnership = ({ cluster, id: _id, absent, ...row }: Ownership & { cluster: string }) => ({
  cluster,
  ...row,
  namespace: row.namespace || null,
  uid: row.uid || null,
  workloadKind: row.workloadKind || null,
  workload: row.workload || null,
  since: row.since === 0 ? null : toTime(row.since),
  until: toTimeOrNull(row.until),
  endedBy: row.until === null ? null : absent ? ("absence" as const) : ("report" as const),
});

const getOwners = createRoute({
  method: "get",
  path: "/v1/owners",
  summary: "Who held which address when, the latest first",
  description:
    "Give an address, a namespace or the name of a Pod. Each node says this of itself: its Pods, its containers, its own addresses.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: OwnersQuery },
  responses: {
    200: json(z.object({ owners: z.array(Ownership), next: Next }), "Holdings, the latest start first"),
    ...problems(401, 403, 404, 422, 503),
  },
});

/** The row that a page ended with: of equal starts, clusters come by name. */
type Cursor = { since: number; cluster: string; id: number };
const keyOf = ({ since, cluster, id }: Cursor): string => `${since} ${cluster} ${id}`;

function parseKey(key: string): Cursor {
  const [, since, cluster, id] = /^(\d{1,15}) ([a-z0-9-]{1,63}) (\d{1,15})$/.exec(key) ?? [];
  if (since === undefined || cluster === undefined || id === undefined)
    throw invalid("The query is invalid.", [{ path: ["cursor"], message: "not a cursor this list gave" }]);
  return { since: Number(since), cluster, id: Number(id) };
}

/** Where the list of another cluster goes on: clusters before that of the cursor have shown all that began then. */
const after = ({ since, cluster, id }: Cursor, of: string) => ({
  since,
  id: of === cluster ? id : of < cluster ? 0 : Number.MAX_SAFE_INTEGER,
});

export const owners = router().openapi(getOwners, async (c) => {
  const { address, namespace, pod, at, cluster, node, ...paging } = c.req.valid("query");
  if (address === undefined && namespace === undefined && pod === undefined)
    throw invalid("The query is invalid.", [
      { path: ["address"], message: "give address, namespace or pod" },
    ]);
  const { db, now } = c.var.deps;
  const page = pageQuery(paging);
  const cursor = page.after === undefined ? undefined : parseKey(page.after);
  const clusters = await readableClusters(db, c.var.caller, cluster);
  const found = await Promise.all(
    clusters.map(async ({ id, name }) => {
      const filter = { address, namespace, name: pod, node, at, now: now() };
      const from = cursor && after(cursor, name);
      const rows = await ownerships(db, id, filter, { after: from, limit: page.limit });
      return rows.map((row) => ({ ...row, cluster: name }));
    }),
  );
  const all = found
    .flat()
    .toSorted((a, b) => b.since - a.since || Number(a.cluster > b.cluster) - Number(a.cluster < b.cluster));
  const { rows, ...next } = toPage(all.slice(0, page.limit), page, keyOf);
  return c.json({ owners: rows.map(toOwnership), ...next }, 200);
});

import { createRoute } from "@hono/zod-openapi";
import { insertRules, rulesOf } from "../../db/queries/rule-settings.ts";
import type { StoredRules } from "../../db/queries/rule-settings.ts";
import { allow, readableCluster } from "../access.ts";
import { readSmallJson } from "../body.ts";
import { bearer, body, bodyProblems, ClusterPath, json, problems } from "../contract.ts";
import { invalid, ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import type { Deps } from "../router.ts";
import { checkedSettings, NewRules, rulesAnswer, RulesAnswer } from "../rules.ts";

const getRules = createRoute({
  method: "get",
  path: "/v1/clusters/{cluster}/rules",
  summary: "The rules a cluster is judged by, and what may be set of them",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { params: ClusterPath },
  responses: { 200: json(RulesAnswer, "The rules"), ...problems(401, 403, 404, 503) },
});

const putRules = createRoute({
  method: "put",
  path: "/v1/clusters/{cluster}/rules",
  summary: "Set what differs from the defaults, all at once",
  description:
    "What comes from then on is judged by them. What is open by a rule that is switched off ends with the next window, or within a minute.",
  security: bearer,
  middleware: allow("admin"),
  request: { params: ClusterPath, body: body("NewRules") },
  responses: {
    200: json(RulesAnswer, "Set"),
    ...problems(401, 403, 404, 409, 503, 507),
    ...bodyProblems,
  },
});

export const rules = router();

rules.openapi(getRules, async (c) => {
  const { deps, caller } = c.var;
  const cluster = await readableCluster(deps.db, caller, c.req.valid("param").cluster);
  return c.json(rulesAnswer(cluster.name, await storedRules(deps, cluster.id)), 200);
});

rules.openapi(putRules, async (c) => {
  const { deps, caller } = c.var;
  const cluster = await readableCluster(deps.db, caller, c.req.valid("param").cluster);
  const parsed = NewRules.safeParse(await readSmallJson(c.req.raw, deps.bodyDeadlineMs));
  if (!parsed.success) throw invalid("The rules are invalid.", parsed.error.issues);
  const settings = checkedSettings(parsed.data.rules, "The rules are invalid.");
  const { version } = await storedRules(deps, cluster.id);
  if ((parsed.data.version ?? version) !== version) throw changed(version);
  const next = { clusterId: cluster.id, version: version + 1, at: deps.now(), settings };
  if (!(await insertRules(deps.db, next))) throw changed((await storedRules(deps, cluster.id)).version);
  return c.json(rulesAnswer(cluster.name, next), 200);
});

async function storedRules({ db }: Deps, clusterId: number): Promise<StoredRules> {
  const stored = (await rulesOf(db, [clusterId])).get(clusterId);
  return stored ?? { clusterId, version: 0, at: undefined, settings: {} };
}

const changed = (version: number) =>
  new ProblemError(
    "changed",
    `The rules are those of version ${version} by now: look at them, and set them again.`,
  );

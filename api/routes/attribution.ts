import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { attribute } from "../../db/queries/attribution.ts";
import { DEFAULT_RETENTION } from "../../db/tiers.ts";
import { allow, clustersAsked } from "../access.ts";
import { toAnswer } from "../attribution/answer.ts";
import { fieldsOf, questionFields, refuseContradictions, toQuestion } from "../attribution/question.ts";
import { Attribution } from "../attribution/schema.ts";
import { bearer, json, problems } from "../contract.ts";
import { router } from "../router.ts";

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
  request: { query: z.strictObject(questionFields).superRefine(refuseContradictions) },
  responses: {
    200: json(Attribution, "Who, best first; where nobody can know, why"),
    ...problems(401, 403, 404, 422, 503),
  },
});

export const attribution = router().openapi(getAttribution, async (c) => {
  const { deps, caller } = c.var;
  const { address, ...fields } = fieldsOf(c.req.valid("query"));
  const now = deps.now();
  const question = toQuestion({ ...fields, address: address ?? "" }, now);
  const clusters = await clustersAsked(deps.db, caller, fields);
  const place = { clusters, node: fields.node, now, retention: deps.retention ?? DEFAULT_RETENTION };
  return c.json(toAnswer(question, await attribute(deps.db, place, question)), 200);
});

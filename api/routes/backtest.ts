import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { namesUnknown } from "../../db/queries/nodes.ts";
import { windowsIn } from "../../db/queries/past-windows.ts";
import { rulesOf } from "../../db/queries/rule-settings.ts";
import { allow, readableCluster } from "../access.ts";
import { TRANSITIONS } from "../alerts/alert.ts";
import { backtest as judgePast, MAX_OPENINGS } from "../alerts/backtest.ts";
import type { Opening, PastStep } from "../alerts/backtest.ts";
import { inForce } from "../alerts/in-force.ts";
import { Severity, SubjectAnswer } from "../anomalies.ts";
import { readSmallJson } from "../body.ts";
import { bearer, body, bodyProblems, ClusterName, json, problems, Time, toTime } from "../contract.ts";
import { RULES } from "../detect/index.ts";
import { invalid, ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import type { Deps } from "../router.ts";
import { checkedSettings, RuleSettingsBody, ruleSetOf } from "../rules.ts";
import { BodyInstant, instantOf, resolveWindow } from "../window.ts";

/** Longer nobody waits for an answer: what was judged by then is told. */
const BUDGET_MS = 20_000;
/** Others get their turn after so much of judging: a local database answers at once, and nothing else would let them. */
const YIELD_MS = 20;

export const BacktestQuestion = z
  .object({
    cluster: ClusterName,
    from: BodyInstant.meta({
      description: "Begin: RFC 3339, epoch milliseconds, or how long ago, such as 2d.",
      example: "2d",
    }),
    to: BodyInstant.optional().meta({ description: "End (not included), as `from`. Default now." }),
    rules: RuleSettingsBody.optional().meta({
      description:
        "By rule, as PUT /v1/clusters/{cluster}/rules takes them; what is left out is as rules are unless they are set. Default: what is set in the cluster.",
    }),
    nodes: z
      .array(z.string().min(1).max(253))
      .min(1)
      .max(1000)
      .optional()
      .meta({ description: "Default: all." }),
  })
  .meta({ id: "BacktestQuestion" });

const OpeningAnswer = z
  .object({
    rule: z.string(),
    ruleVersion: z.string(),
    subject: SubjectAnswer,
    severity: Severity.meta({ description: "The most severe it was." }),
    openedAt: Time.meta({ description: "When it began." }),
    certainAt: Time.meta({ description: "When it would have been told." }),
    resolvedAt: Time.nullable(),
    peak: z.number().nullable(),
    transitions: z.array(z.object({ at: Time, transition: z.enum(TRANSITIONS), severity: Severity })),
  })
  .meta({ id: "Opening" });

const BacktestAnswer = z
  .object({
    cluster: z.string(),
    from: Time,
    to: Time,
    openings: z
      .array(OpeningAnswer)
      .meta({ description: `In the order in which they became certain, at most ${MAX_OPENINGS}.` }),
    more: z.int().meta({ description: "How many more there were." }),
    windows: z.int().meta({ description: "Windows judged." }),
    looks: z.int().meta({ description: "Those of them of which more had to be read." }),
    stopped: z.boolean().meta({ description: "It took too long: ask for a shorter time, or fewer nodes." }),
    until: Time.nullable().meta({
      description: "Up to here it was judged; null: there was no window to judge.",
    }),
    notJudged: z
      .array(z.string())
      .meta({ description: "Rules about whole clusters: they look at the present." }),
  })
  .meta({ id: "Backtest" });

const postBacktest = createRoute({
  method: "post",
  path: "/v1/backtest",
  summary: "What would have been opened by other thresholds",
  description:
    "Judges the past of a cluster by rules about nodes; nothing is stored, nobody is told. Where windows are no longer kept, slots of ten " +
    "minutes stand for them: what is shorter does not show, and what opens after some windows opens later. One runs at a time: while another " +
    "does, the answer is 503 with Retry-After.",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { body: body("BacktestQuestion") },
  responses: {
    200: json(BacktestAnswer, "What would have been opened"),
    ...problems(401, 403, 404, 503),
    ...bodyProblems,
  },
});

/** Until when the one that is under way may take; it may have been killed. */
const underWay = { until: 0 };

export const backtest = router();

backtest.openapi(postBacktest, async (c) => {
  const { deps, caller } = c.var;
  const parsed = BacktestQuestion.safeParse(await readSmallJson(c.req.raw, deps.bodyDeadlineMs));
  if (!parsed.success) throw invalid("The backtest is invalid.", parsed.error.issues);
  const { cluster: name, nodes, ...asked } = parsed.data;
  const { id } = await readableCluster(deps.db, caller, name);
  const now = deps.now();
  const range = { from: instantOf(asked.from, now), to: asked.to && instantOf(asked.to, now) };
  await knownNodes(deps, id, nodes ?? []);
  const past = { clusterId: id, ...resolveWindow(range, now), nodes };
  const { from, to } = past;
  const { found, until } = await alone(deps, async () => judged(deps, past, asked.rules));
  return c.json(
    {
      cluster: name,
      from: toTime(from),
      to: toTime(to),
      ...found,
      openings: found.openings.map(openingAnswer),
      until: found.windows === 0 ? null : toTime(found.stopped ? until : to),
      notJudged: RULES.filter(({ scope }) => scope === "cluster").map(({ name }) => name),
    },
    200,
  );
});

/** A name that is misspelt would be judged as if all were well there. */
async function knownNodes({ db }: Deps, clusterId: number, nodes: readonly string[]): Promise<void> {
  if (nodes.length === 0) return;
  const { unknown, some } = await namesUnknown(db, clusterId, nodes);
  if (unknown.length === 0) return;
  const message = `no such node; there are ${some.join(", ") || "none"}`;
  throw invalid(
    "The backtest is invalid.",
    unknown.map((name) => ({ path: ["nodes", nodes.indexOf(name)], message })),
  );
}

/** One at a time: each keeps the process busy. Throws `unavailable` while another is under way. */
async function alone<Answer>({ now }: Deps, act: () => Promise<Answer>): Promise<Answer> {
  const at = now();
  // By a clock that went back there is no telling.
  if (underWay.until > at && underWay.until <= at + 2 * BUDGET_MS)
    throw new ProblemError("unavailable", "Another backtest is under way; ask again in some seconds.", {
      headers: { "retry-after": "5" },
    });
  const until = at + 2 * BUDGET_MS;
  underWay.until = until;
  try {
    return await act();
  } finally {
    if (underWay.until === until) underWay.until = 0;
  }
}

async function judged(deps: Deps, past: Past, wanted: z.infer<typeof RuleSettingsBody> | undefined) {
  const set = await rulesFor(deps, past.clusterId, wanted);
  const progress = { until: past.from };
  const stop = new AbortController();
  const found = await judgePast(stepsOf(deps, past, { stop, progress }), inForce(RULES, set), stop.signal);
  return { found, until: progress.until };
}

async function rulesFor(
  { db }: Deps,
  clusterId: number,
  wanted: z.infer<typeof RuleSettingsBody> | undefined,
) {
  if (wanted) return { version: 0, settings: checkedSettings(wanted, "The backtest is invalid.") };
  const stored = (await rulesOf(db, [clusterId])).get(clusterId);
  return stored ? ruleSetOf(stored) : { version: 0, settings: {} };
}

type Past = { clusterId: number; from: number; to: number; nodes: readonly string[] | undefined };

async function* stepsOf(
  { db, now }: Deps,
  { clusterId, ...range }: Past,
  { stop, progress }: { stop: AbortController; progress: { until: number } },
): AsyncGenerator<PastStep> {
  const startedAt = now();
  let yieldedAt = performance.now();
  for await (const page of windowsIn(db, clusterId, range))
    for (const step of page) {
      if (now() - startedAt >= BUDGET_MS) stop.abort();
      if (performance.now() - yieldedAt >= YIELD_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        yieldedAt = performance.now();
      }
      if (!stop.signal.aborted) progress.until = step.window.from;
      yield step;
    }
}

const openingAnswer = ({ openedAt, certainAt, resolvedAt, peak, transitions, ...opening }: Opening) => ({
  ...opening,
  peak: peak ?? null,
  openedAt: toTime(openedAt),
  certainAt: toTime(certainAt),
  resolvedAt: resolvedAt === undefined ? null : toTime(resolvedAt),
  transitions: transitions.map(({ at, ...rest }) => ({ at: toTime(at), ...rest })),
});

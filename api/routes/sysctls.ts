import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { GONE_AFTER_MS, settingsChanges, settingsNow } from "../../db/queries/settings.ts";
import type { Change, HeldValue, KeyValues } from "../../db/queries/settings.ts";
import { allow, clustersAsked } from "../access.ts";
import { bearer, json, problems, Time, toTime } from "../contract.ts";
import { filters, whole } from "../parameters.ts";
import { router } from "../router.ts";
import { resolveWindow, windowParameters } from "../window.ts";

/** Changes are rare: those of a week are what one looks at first. */
const DEFAULT_RANGE_MS = 7 * 86_400_000;
const DEFAULT_CHANGES = 100;
export const MAX_CHANGES = 500;
/** Names of nodes that stand with a value. The rare values have fewer, and all names of all keys were a megabyte. */
export const MAX_NAMES = 100;
/** Names of sysctls on the wire (textsBy). */
const MAX_KEY = 128;

const SysctlsQuery = z.strictObject({
  key: z
    .string()
    .min(1)
    .max(MAX_KEY)
    .optional()
    .meta({
      param: {
        description: "One key: the name of a sysctl, or cores, memoryBytes, kubeProxy, ciliumBpf.",
        example: "net.netfilter.nf_conntrack_max",
      },
    }),
  ...filters,
  ...windowParameters,
  since: windowParameters.since.meta({
    param: { description: "How far back from `to` changes are listed: 24h, 30d. Default 7d." },
  }),
  limit: whole(1, MAX_CHANGES)
    .optional()
    .meta({ param: { description: `Changes at most, 1 to ${MAX_CHANGES}. Default ${DEFAULT_CHANGES}.` } }),
});

const Value = z
  .string()
  .nullable()
  .meta({ description: "As the kernel prints it; null where a node has no such key or could not read it." });
const Kind = z.enum(["sysctl", "host"]).meta({
  description: "host: cores, memoryBytes, kubeProxy (its mode), ciliumBpf (whether Cilium tracks by itself).",
});

const SettingValue = z
  .object({
    value: Value,
    count: z.int().meta({ description: "Nodes that have it." }),
    nodes: z.array(z.string()).meta({ description: `Their names, at most ${MAX_NAMES}.` }),
    since: z.object({ earliest: Time, latest: Time }).meta({
      description:
        "The windows from which on the first and the last of them had it; of nodes that always had it, their first.",
    }),
  })
  .meta({ id: "SettingValue" });

const Setting = z
  .object({
    cluster: z.string(),
    key: z.string(),
    kind: Kind,
    values: z.array(SettingValue).meta({ description: "The rarest first." }),
  })
  .meta({ id: "Setting" });

const SettingChange = z
  .object({
    cluster: z.string(),
    node: z.string(),
    key: z.string(),
    kind: Kind,
    at: Time,
    from: Value,
    to: Value,
  })
  .meta({ id: "SettingChange", description: "`at`: begin of the first window that says so." });

const SysctlsAnswer = z
  .object({
    nodes: z.int().meta({
      description: `Nodes that say how they are set, without retired ones and those silent for ${GONE_AFTER_MS / 3_600_000} hours.`,
    }),
    settings: z.array(Setting).meta({
      description:
        "Of each cluster: first the keys of which its nodes have different values, then those that some lack, then the others.",
    }),
    history: z.object({
      from: Time,
      to: Time,
      changes: z.array(SettingChange).meta({ description: "The newest first." }),
      more: z.boolean().meta({ description: "There may be older ones: ask again with an earlier `to`." }),
    }),
  })
  .meta({ id: "SysctlsAnswer" });

const getSysctls = createRoute({
  method: "get",
  path: "/v1/sysctls",
  summary: "What nodes are set to, the odd ones out first, and what changed when",
  security: bearer,
  middleware: allow("read", "admin"),
  request: { query: SysctlsQuery },
  responses: { 200: json(SysctlsAnswer, "Settings and changes"), ...problems(401, 403, 404, 422, 503) },
});

const toValue = ({ value, nodes, earliest, latest }: HeldValue) => ({
  value,
  count: nodes.length,
  nodes: nodes.slice(0, MAX_NAMES),
  since: { earliest: toTime(earliest), latest: toTime(latest) },
});
const toSetting = (cluster: string, { key, kind, values }: KeyValues) => ({
  cluster,
  key,
  kind,
  values: values.map(toValue),
});
const toChange = (cluster: string, { at, ...change }: Change) => ({ cluster, ...change, at: toTime(at) });

export const sysctls = router().openapi(getSysctls, async (c) => {
  const { db, now } = c.var.deps;
  const { key, cluster, node, limit = DEFAULT_CHANGES, ...time } = c.req.valid("query");
  const at = now();
  const unsaid = time.since === undefined && time.from === undefined;
  const range = resolveWindow(unsaid ? { ...time, since: DEFAULT_RANGE_MS } : time, at);
  const clusters = await clustersAsked(db, c.var.caller, { cluster, node });
  const answers = await Promise.all(
    clusters.map(async ({ id, name }) => {
      const current = await settingsNow(db, id, { node, key, now: at });
      const history = await settingsChanges(db, id, { node, key, ...range, limit });
      return { name, current, history };
    }),
  );
  const changes = answers
    .flatMap(({ name, history }) => history.changes.map((change) => ({ name, change })))
    .toSorted((a, b) => b.change.at - a.change.at);
  return c.json(
    {
      nodes: answers.reduce((sum, { current }) => sum + current.nodes, 0),
      settings: answers.flatMap(({ name, current }) => current.keys.map((one) => toSetting(name, one))),
      history: {
        from: toTime(range.from),
        to: toTime(range.to),
        changes: changes.slice(0, limit).map(({ name, change }) => toChange(name, change)),
        more: changes.length > limit || answers.some(({ history }) => history.more),
      },
    },
    200,
  );
});

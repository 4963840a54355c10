import { MAX_KEY } from "../detect/rule.ts";
import type { Finding, Judged, Subject } from "../detect/rule.ts";

/** New subjects of one rule a window of a node, and those remembered at once: names are of others, who may invent any number of them. */
export const MAX_NEW_A_WINDOW = 50;
export const MAX_LIVES_A_NODE = 200;
/** The same of rules about whole clusters, a view. */
export const MAX_NEW_A_VIEW = 1000;
/** Of the whole cluster: also of what all its nodes have. */
export const MAX_LIVES_A_CLUSTER = 20_000;

/** Key of the subject that stands for those of a node (or a cluster) that were too many. */
const OTHERS = "__other__";

type Bad = Judged & { finding: { verdict: "bad" } };
const isBad = (one: Judged): one is Bad => one.finding.verdict === "bad";

/** Whether a subject stands for others; no rule knows it. */
export const standsForOthers = (subject: Subject): boolean => subject.key.startsWith(OTHERS);

/**
 * Lets in what is known, and of what is new and bad the worst, as far as there is room; the rest becomes one subject that stands for
 * them. Of two findings about one subject the worse counts. `node`: whose window it is; none: a view of the cluster.
 */
export function admit(
  judged: readonly Judged[],
  known: readonly { subject: Subject }[],
  node?: string,
): Judged[] {
  const keys = new Set(known.map(({ subject }) => subject.key));
  const single = worstOfEach(judged);
  const old = single.filter((one) => keys.has(one.subject.key));
  const fresh = single.filter((one): one is Bad => !keys.has(one.subject.key) && isBad(one));
  const room =
    node === undefined
      ? Math.min(MAX_NEW_A_VIEW, MAX_LIVES_A_CLUSTER - keys.size)
      : Math.min(MAX_NEW_A_WINDOW, MAX_LIVES_A_NODE - keys.size);
  if (fresh.length <= room) return [...old, ...fresh];
  fresh.sort(worstFirst);
  const count = Math.max(0, room);
  return [...old, ...fresh.slice(0, count), others(fresh.slice(count), node)];
}

/** One for all that were too many, as bad as the worst. */
function others(rest: readonly Bad[], node: string | undefined): Judged {
  const worst = rest[0]?.finding;
  const { severity = "warning", value = 0, limit } = worst ?? {};
  return {
    subject:
      node === undefined
        ? { kind: "cluster", key: OTHERS }
        : { kind: "node", key: `${OTHERS}/${node}`, node },
    finding: { verdict: "bad", severity, value, limit, facts: { subjects: rest.length } },
  };
}

const RANK = { unknown: 0, clear: 1, between: 2, bad: 3 } as const satisfies Record<
  Finding["verdict"],
  number
>;

function rankOf(finding: Finding): number {
  return RANK[finding.verdict] + (finding.verdict === "bad" && finding.severity === "critical" ? 1 : 0);
}

const worstFirst = (one: Bad, other: Bad): number =>
  rankOf(other.finding) - rankOf(one.finding) ||
  other.finding.value - one.finding.value ||
  (one.subject.key < other.subject.key ? -1 : 1);

function worstOfEach(judged: readonly Judged[]): Judged[] {
  const byKey = new Map<string, Judged>();
  for (const one of judged) {
    const key = one.subject.key.slice(0, MAX_KEY);
    const before = byKey.get(key);
    if (before && rankOf(before.finding) >= rankOf(one.finding)) continue;
    byKey.set(key, key === one.subject.key ? one : { ...one, subject: { ...one.subject, key } });
  }
  return [...byKey.values()];
}

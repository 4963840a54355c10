import { MEASURES } from "../db/fold/measures.ts";
import type { Rule, Subject } from "./detect/rule.ts";

/** What is shown before it began and after it ended. */
const BEFORE_MS = 3_600_000;
const AFTER_MS = 600_000;

/** Of these there are series of single owners; of the others only of whole tables. */
const OF_OWNERS: ReadonlySet<string> = new Set(MEASURES.filter((measure) => measure !== "peers"));

type Links = { series?: string; talkers: string; ports?: string };
type Parameters = Record<string, string | number | undefined>;

/** Where to look at what an anomaly is about, and when: relative addresses. */
export function linksOf(
  { cluster, subject, rule }: { cluster: string; subject: Subject; rule: Rule | undefined },
  { openedAt, resolvedAt, now }: { openedAt: number; resolvedAt: number | null; now: number },
): Links {
  const at = {
    from: openedAt - BEFORE_MS,
    to: Math.max(openedAt, Math.min(now, (resolvedAt ?? now) + AFTER_MS)),
  };
  const where = { cluster, node: subject.node };
  const metric = rule?.series;
  const narrowed = metric !== undefined && OF_OWNERS.has(metric) ? ownerOf(subject) : {};
  return {
    ...(metric !== undefined && { series: url("/v1/series", { metric, ...where, ...narrowed, ...at }) }),
    talkers: url("/v1/talkers", {
      by: subject.party ? "peer" : "pod",
      ...where,
      ...ownerOf(subject),
      ...peerOf(subject),
      ...at,
    }),
    ...(subject.kind === "ports" && {
      ports: url("/v1/ports", { ...where, address: subject.natAddress, ...peerOf(subject) }),
    }),
  };
}

/** Who is not known by name is so by address. */
function ownerOf({ party }: Subject): Parameters {
  if (!party) return {};
  const { kind, name, namespace, address } = party;
  return kind === "address" ? { source: address } : { pod: name, namespace };
}

const peerOf = ({ peer, peerPort, protocol }: Subject): Parameters => ({ peer, port: peerPort, protocol });

function url(path: string, parameters: Parameters): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, String(value)]],
  );
  return `${path}?${new URLSearchParams(given).toString()}`;
}

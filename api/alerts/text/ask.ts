import type { Alert, AlertedAnomaly } from "../alert.ts";
import type { Part } from "./text.ts";
import type { Ask } from "./words.ts";

/** A shell takes it as one word and nothing else, and no option: what anybody may have named is never pasted into one. */
const PLAIN = /^[\w][\w.:-]{0,62}$/;

/** Questions that tell more of an anomaly, narrowed to its cluster and node. */
export function askAbout({ cluster, fleet }: Alert, anomaly: AlertedAnomaly | undefined): Ask {
  const { node, peer } = anomaly?.subject ?? {};
  const option = (name: string, value: string | undefined) => {
    if (value === undefined) return "";
    return ` --${name} ${PLAIN.test(value) ? value : name.toUpperCase()}`;
  };
  const scope = `${option("cluster", cluster)}${fleet ? "" : option("node", node)}`;
  const command = (words: string): Part => ({ code: `npx conntrail ${words}` });
  const towards = option("peer", peer);
  const max = anomaly?.finding.facts?.["max"];
  return {
    top: command(`top${scope} --since 15m`),
    opened: command(`top --metric opened${scope} --since 15m`),
    unreplied: command(`top --metric unreplied${scope} --since 15m`),
    flows: command(`top --by flow${scope} --since 15m`),
    ports: command(`ports${scope}${towards}`),
    nodes: command(`nodes ${PLAIN.test(cluster) ? cluster : "CLUSTER"}`),
    max: typeof max === "number" && max > 0 ? max : undefined,
  };
}

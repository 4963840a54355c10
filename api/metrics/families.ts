import type { NodeGauges } from "../../db/queries/gauges.ts";
import type { Family } from "./exposition.ts";

/** The nodes of a cluster, as of their latest windows. */
export interface ClusterGauges {
  cluster: string;
  nodes: readonly NodeGauges[];
}

interface Metric {
  name: string;
  help: string;
  /** Null: not known, and then there is no such series. */
  of: (node: NodeGauges) => number | null;
}

/**
 * Counters of the kernel come as what there was a second of the latest window: a counter that only grows is what neither a
 * report nor the store has, and a scrape that sees every other window could not add one up.
 */
const perSecond =
  (of: (node: NodeGauges) => number | null): Metric["of"] =>
  (node) => {
    const counted = of(node);
    const { windowFrom, windowTo } = node;
    if (counted === null || windowFrom === null || windowTo === null) return null;
    return (1000 * counted) / (windowTo - windowFrom);
  };

const filled = ({ count, entries, limit }: NodeGauges) => {
  const held = count ?? entries;
  return held === null || limit === null || limit === 0 ? null : held / limit;
};

const OF_A_WINDOW: readonly Metric[] = [
  {
    name: "conntrail_table_entries",
    help: "Entries in the table, as the kernel counts them, or else as the last dump found.",
    of: ({ count, entries }) => count ?? entries,
  },
  {
    name: "conntrail_table_limit",
    help: "nf_conntrack_max: entries the table may have.",
    of: ({ limit }) => limit,
  },
  {
    name: "conntrail_table_utilisation_ratio",
    help: "Entries over the limit; 1 is full.",
    of: filled,
  },
  {
    name: "conntrail_table_unreplied_entries",
    help: "Entries that never had an answer, as of the last dump.",
    of: ({ unreplied }) => unreplied,
  },
  {
    name: "conntrail_table_snat_entries",
    help: "Entries whose source is translated, as of the last dump.",
    of: ({ snat, both }) => (snat === null || both === null ? null : snat + both),
  },
  {
    name: "conntrail_flows_opened_per_second",
    help: "Flows that began in the latest window, a second.",
    of: perSecond(({ opened }) => opened),
  },
  {
    name: "conntrail_flows_closed_per_second",
    help: "Flows that ended in the latest window, a second.",
    of: perSecond(({ closed }) => closed),
  },
  {
    name: "conntrail_insert_failed_per_second",
    help: "Entries the kernel could not insert in the latest window, a second.",
    of: perSecond(({ insertFailed }) => insertFailed),
  },
  {
    name: "conntrail_dropped_per_second",
    help: "Packets dropped for want of an entry in the latest window, a second.",
    of: perSecond(({ drop }) => drop),
  },
  {
    name: "conntrail_early_dropped_per_second",
    help: "Entries dropped early to make room in the latest window, a second.",
    of: perSecond(({ earlyDrop }) => earlyDrop),
  },
  {
    name: "conntrail_invalid_per_second",
    help: "Packets that could not be tracked in the latest window, a second.",
    of: perSecond(({ invalid }) => invalid),
  },
  {
    name: "conntrail_event_overruns_per_second",
    help: "Times the kernel lost events in the latest window, a second.",
    of: perSecond(({ overruns }) => overruns),
  },
  {
    name: "conntrail_table_full_lines_per_second",
    help: "Lines of the kernel log that say the table was full in the latest window, a second.",
    of: perSecond(({ tableFull }) => tableFull),
  },
];

const STATES = ["live", "late", "silent"] as const;

/**
 * What is known of each node now. Of a silent node only when it was last seen: its other gauges would look like those of
 * a node that is well.
 */
export function* families(clusters: readonly ClusterGauges[], now: number): Generator<Family> {
  const all = clusters.flatMap(({ cluster, nodes }) =>
    nodes.map((node) => ({ node, labels: { cluster, node: node.name } })),
  );
  const speaking = all.filter(({ node }) => node.state !== "silent");
  yield {
    name: "conntrail_nodes",
    help: "Nodes that were seen in the last hour, by state.",
    samples: clusters.flatMap(({ cluster, nodes }) =>
      STATES.map((state) => ({
        labels: { cluster, state },
        value: nodes.filter((node) => node.state === state).length,
      })),
    ),
  };
  const lag: Metric = {
    name: "conntrail_report_lag_seconds",
    help: "How long ago the latest window ended by the node's clock.",
    of: ({ windowTo }) => (windowTo === null ? null : (now - windowTo) / 1000),
  };
  const seen: Metric = {
    name: "conntrail_node_last_seen_timestamp_seconds",
    help: "When the report of the latest window came in. Nodes not seen for an hour are left out.",
    of: ({ lastSeenAt }) => lastSeenAt / 1000,
  };
  yield family(seen, all);
  for (const metric of [lag, ...OF_A_WINDOW]) yield family(metric, speaking);
}

function family(
  { name, help, of }: Metric,
  nodes: readonly { node: NodeGauges; labels: { cluster: string; node: string } }[],
): Family {
  const samples = nodes.flatMap(({ node, labels }) => {
    const value = of(node);
    return value === null ? [] : [{ labels, value }];
  });
  return { name, help, samples };
}

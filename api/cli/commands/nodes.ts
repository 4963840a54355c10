import type * as z from "zod";
import type { Node } from "../../routes/nodes.ts";
import type { Command } from "../command.ts";
import { words } from "../options.ts";
import { percent, table } from "../table.ts";

/** As many as the API gives at once. */
const PAGE = "500";

export const nodes: Command<{ nodes: z.infer<typeof Node>[]; next?: string }> = {
  name: "nodes",
  does: "the nodes of a cluster, and how full their tables are",
  usage: "CLUSTER",
  notes: "",
  options: {},
  question(given) {
    const [cluster = ""] = words(given, ["CLUSTER"]);
    return { path: `/v1/clusters/${encodeURIComponent(cluster)}/nodes?limit=${PAGE}` };
  },
  show({ nodes, next }, { time, width }) {
    const rows = table(
      nodes,
      [
        { title: "node", of: ({ name }) => name },
        { title: "state", of: ({ state }) => state },
        { title: "full", of: ({ utilisation }) => percent(utilisation) },
        { title: "count", of: ({ count }) => count, spare: 2 },
        { title: "max", of: ({ max }) => max, spare: 3 },
        { title: "events", of: ({ events }) => events, spare: 4 },
        { title: "last window", of: ({ windowTo }) => windowTo && time(windowTo), spare: 1 },
        { title: "addresses", of: ({ addresses }) => addresses.join(" "), spare: 5 },
      ],
      width,
    );
    const more = next ? `\nAnd more than these ${PAGE}.` : "";
    return { text: rows + more, found: nodes.length > 0 };
  },
};

import type * as z from "zod";
import type { Cluster } from "../../routes/clusters.ts";
import type { Command } from "../command.ts";
import { words } from "../options.ts";
import { percent, table } from "../table.ts";

/** As many as the API gives at once. */
const PAGE = "500";

export const clusters: Command<{ clusters: z.infer<typeof Cluster>[]; next?: string }> = {
  name: "clusters",
  does: "the clusters that the token may read",
  usage: "",
  notes: "",
  options: {},
  question(given) {
    words(given, []);
    return { path: `/v1/clusters?limit=${PAGE}` };
  },
  show({ clusters, next }, { time, width }) {
    const rows = table(
      clusters,
      [
        { title: "cluster", of: ({ name }) => name },
        { title: "nodes", of: ({ nodes }) => nodes },
        { title: "reporting", of: ({ reporting }) => reporting },
        { title: "fullest table", of: ({ utilisation }) => percent(utilisation) },
        { title: "last seen", of: ({ lastSeenAt }) => lastSeenAt && time(lastSeenAt), spare: 1 },
      ],
      width,
    );
    const more = next ? `\nAnd more than these ${PAGE}.` : "";
    return { text: rows + more, found: clusters.length > 0 };
  },
};

import * as z from "zod";
import { FLOW_METRICS } from "../db/queries/flows.ts";
import { TALKER_METRICS } from "../db/queries/talkers.ts";
import { NAT_CLASSES } from "./wire.ts";
import { Window } from "./window.ts";

const Count = z.int();
const RANKED_BY = {
  description:
    "What the rows are ordered by: the metric, or entries where no row of the range knows the metric.",
};
const Share = z.number().meta({
  description:
    "Part of the total by `rankedBy`, 0 to 1, and 0 of a row that does not know it; by entries where that is peers, " +
    "which do not add up.",
});
const counters = {
  opened: Count.optional().meta({ description: "Flows that began; absent where nobody counts them." }),
  closed: Count.optional().meta({ description: "Flows that ended." }),
  bytes: Count.optional().meta({ description: "Moved in both directions; absent where accounting is off." }),
  packets: Count.optional(),
};
const flowMeasures = { entries: Count, unreplied: Count, ...counters };
const measures = { entries: Count, snatEntries: Count, unreplied: Count, ...counters };

const answer = {
  exact: z.boolean().meta({ description: "False where reports had folded away what may belong to a row." }),
  unlisted: Count.meta({ description: "Entries so folded: no row can be short of more than this." }),
  window: Window,
};

const Talker = z
  .object({ cluster: z.string(), address: z.string(), ...measures, peers: Count, share: Share })
  .meta({ id: "Talker" });

const Flow = z
  .object({
    cluster: z.string(),
    source: z.string(),
    peer: z.string(),
    peerPort: Count.meta({ description: "0 where the protocol has no ports." }),
    protocol: z.string().meta({ description: "Name, or the IANA number as text.", example: "tcp" }),
    nat: z.enum(NAT_CLASSES),
    natAddress: z.string().nullable().meta({ description: "The address the peer sees; null without SNAT." }),
    zone: Count.meta({ description: "Conntrack zone of the reply direction; 0 without zones." }),
    ...flowMeasures,
    share: Share,
  })
  .meta({ id: "Flow" });

export const Talkers = z
  .object({
    by: z.literal("address"),
    metric: z.enum(TALKER_METRICS),
    rankedBy: z.enum(TALKER_METRICS).meta(RANKED_BY),
    talkers: z.array(Talker),
    remainder: z.object({ sources: Count, ...measures, share: Share }),
    total: z.object({ sources: Count, ...measures }),
    ...answer,
  })
  .meta({ id: "Talkers" });

export const Flows = z
  .object({
    by: z.literal("flow"),
    metric: z.enum(FLOW_METRICS),
    rankedBy: z.enum(FLOW_METRICS).meta(RANKED_BY),
    talkers: z.array(Flow),
    remainder: z.object({ groups: Count, ...flowMeasures, share: Share }),
    total: z.object({ groups: Count, ...flowMeasures }),
    ...answer,
  })
  .meta({ id: "FlowTalkers" });

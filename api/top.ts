import * as z from "zod";
import { BYS } from "../db/talkers/source.ts";
import { TALKER_METRICS } from "../db/queries/talkers.ts";
import { TIERS } from "../db/tiers.ts";
import { Time } from "./contract.ts";
import { FoldedUntil } from "./window.ts";
import { NAT_CLASSES } from "./wire.ts";

const Count = z.int();
const Share = z.number().meta({
  description:
    "Part of the total by `rankedBy`, 0 to 1, and 0 of a row that does not know it; by entries where that is peers, " +
    "which do not add up.",
});
const measures = {
  entries: Count.optional(),
  snatEntries: Count.optional(),
  unreplied: Count.optional(),
  peers: Count.optional().meta({ description: "Distinct peers, by pod and by address." }),
  opened: Count.optional().meta({ description: "Flows that began; absent where nobody counts them." }),
  closed: Count.optional().meta({ description: "Flows that ended." }),
  bytes: Count.optional().meta({ description: "Moved in both directions; absent where accounting is off." }),
  packets: Count.optional(),
};
const Bounds = z.object(measures).meta({ id: "TalkerBounds" });

const Text = z.string();
const TextOrNull = z.string().nullable();
export const workload = { namespace: TextOrNull, workloadKind: TextOrNull, workload: TextOrNull };

export const TalkerOwner = z
  .object({ kind: Text.meta({ example: "pod" }), name: Text, ...workload })
  .meta({ id: "TalkerOwner", description: "Who holds an address." });

const Protocol = Text.meta({ description: "Name, or the IANA number as text.", example: "tcp" });
const Port = Count.meta({ description: "0 where the protocol has no ports." });
const PeerOwner = TalkerOwner.nullable().meta({
  description: "Who held the peer's address at the end of the range; null where nobody knows.",
});

const row = {
  cluster: Text,
  ...measures,
  share: Share,
  perSecond: z.number().optional().meta({
    description:
      "Where `rankedBy` is a count: as many in each second of `window.coveredSeconds` of its cluster, so that gaps do not thin it.",
  }),
};

export const Rows = {
  pod: z
    .object({
      namespace: TextOrNull,
      pod: Text.meta({ description: "Name of the owner." }),
      kind: Text.meta({ description: "pod, host, container, service or external.", example: "pod" }),
      workloadKind: TextOrNull,
      workload: TextOrNull,
      node: Text,
      ...row,
    })
    .meta({ id: "PodTalker" }),
  workload: z.object({ ...workload, ...row }).meta({ id: "WorkloadTalker" }),
  namespace: z.object({ namespace: Text, ...row }).meta({ id: "NamespaceTalker" }),
  node: z.object({ node: Text, ...row }).meta({ id: "NodeTalker" }),
  address: z.object({ address: Text, ...row }).meta({ id: "AddressTalker" }),
  peer: z
    .object({ peer: Text, port: Port, protocol: Protocol, peerOwner: PeerOwner, ...row })
    .meta({ id: "PeerTalker" }),
  flow: z
    .object({
      source: Text,
      peer: Text,
      peerPort: Port,
      protocol: Protocol,
      nat: z.enum(NAT_CLASSES),
      natAddress: TextOrNull.meta({ description: "The address the peer sees; null without SNAT." }),
      zone: Count.meta({ description: "Conntrack zone of the reply direction; 0 without zones." }),
      owner: TalkerOwner.nullable().meta({
        description: "Who held the source's address; null where nobody knows.",
      }),
      node: Text,
      peerOwner: PeerOwner,
      ...row,
    })
    .meta({ id: "FlowTalker" }),
};

const Piece = z.object({ tier: z.enum(TIERS), from: Time, to: Time });

export const TalkerWindow = z
  .object({
    from: Time,
    to: Time,
    coveredSeconds: z.number().meta({
      description: "How much of it reports told of: of several nodes or clusters, of the one with most.",
    }),
    foldedUntil: FoldedUntil,
    tier: z.enum(TIERS).optional().meta({ description: "The finest slots of time that were read." }),
    pieces: z.array(Piece).optional().meta({
      description: "Which slots were read where; of several clusters it is not told.",
    }),
  })
  .meta({
    description:
      "What was read: the range, its ends moved outwards to whole slots of what is still kept there.",
  });

export const Talkers = z
  .object({
    by: z.enum(BYS),
    metric: z.enum(TALKER_METRICS),
    rankedBy: z.enum(TALKER_METRICS).meta({
      description:
        "What the rows are ordered by: the metric, or entries where no row of the range knows the metric.",
    }),
    talkers: z.array(
      z.union([Rows.pod, Rows.workload, Rows.namespace, Rows.node, Rows.address, Rows.peer, Rows.flow]),
    ),
    remainder: z.object({ rows: Count, ...measures, share: Share }).meta({
      description: "Everyone not listed, taken together; `rows`: no fewer than so many.",
    }),
    unattributed: z
      .object({ ...measures, share: Share })
      .optional()
      .meta({
        description:
          "By pod, workload and namespace: what comes from addresses that nobody is known to hold, or that are in no " +
          "namespace. Neither a row nor part of the remainder.",
      }),
    total: z.object({ rows: Count, ...measures }),
    exact: z.boolean().meta({
      description:
        "The rows are whole by `rankedBy`, nobody who is not listed has more than the last of them, and no report that came is missing.",
    }),
    lack: Bounds.meta({ description: "No row is short of more than this. Absent: of nothing." }),
    missing: Bounds.meta({
      description: "Nobody who is not listed has more than this. Absent: nobody has any.",
    }),
    peaksAdded: z.boolean().meta({
      description:
        "True where a gauge was added up of flows that may have been at their most at different times: it may be more than was " +
        "ever held at once.",
    }),
    window: TalkerWindow,
  })
  .meta({ id: "Talkers" });

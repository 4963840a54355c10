import * as z from "zod";
import { SOURCE_BYS } from "../db/talkers/sources.ts";
import { TalkerOwner, TalkerWindow, workload } from "./top.ts";

/** Addresses or nodes that stand with a row: a Pod has one or two, a namespace as many as there are nodes. */
export const MAX_WAYS = 16;

/** What of the measures is told of a peer; who else it talks to is not asked here. */
export const SOURCE_METRICS = ["entries", "unreplied", "opened", "closed", "bytes", "packets"] as const;

const Count = z.int();
const measures = {
  entries: Count.optional().meta({ description: "Flows held at once, at most." }),
  unreplied: Count.optional(),
  opened: Count.optional().meta({ description: "Flows that began; absent where nobody counts them." }),
  closed: Count.optional().meta({ description: "Flows that ended." }),
  bytes: Count.optional().meta({ description: "Moved in both directions; absent where accounting is off." }),
  packets: Count.optional(),
};
const Bounds = z.object(measures).meta({ id: "SourceBounds" });
const Share = z.number().meta({
  description: "Part of the total by `rankedBy`, 0 to 1, and 0 of a row that does not know it.",
});
const OpenedPerSecond = z.number().optional().meta({
  description: "`opened` in each second that reports of its cluster cover (`window.coveredSeconds` or less).",
});
const row = { cluster: z.string(), ...measures, openedPerSecond: OpenedPerSecond, share: Share };
const ways = {
  natAddresses: z.array(z.string()).meta({
    description: `Addresses that the peer sees instead of the source's own: at most ${MAX_WAYS}, of the flow groups that are listed.`,
  }),
  natAddressCount: Count.meta({ description: "How many of them are known." }),
  direct: z
    .boolean()
    .meta({ description: "Some flows are not translated: the peer sees the source's own address." }),
};
const text = z.string();
const textOrNull = z.string().nullable();

export const SourceRows = {
  pod: z
    .object({
      pod: text.meta({ description: "Name of the owner." }),
      kind: text.meta({ description: "pod, host, container, service or external.", example: "pod" }),
      ...workload,
      node: text,
      ...ways,
      ...row,
    })
    .meta({ id: "PodSource" }),
  workload: z.object({ ...workload, ...ways, ...row }).meta({ id: "WorkloadSource" }),
  namespace: z.object({ namespace: text, ...ways, ...row }).meta({ id: "NamespaceSource" }),
  address: z
    .object({ address: text.meta({ description: "Address before NAT." }), ...ways, ...row })
    .meta({ id: "AddressSource" }),
  cluster: z.object({ ...ways, ...row }).meta({ id: "ClusterSource" }),
  "nat-address": z
    .object({
      natAddress: textOrNull.meta({ description: "What the peer sees; null: the sources' own addresses." }),
      nodes: z.array(text).meta({ description: `Nodes that translate to it, at most ${MAX_WAYS}.` }),
      nodeCount: Count,
      ...row,
    })
    .meta({ id: "NatAddressSource" }),
};

export const Sources = z
  .object({
    peer: text.meta({ example: "10.0.0.9" }),
    port: Count.nullable().meta({ description: "Null: all ports of the address." }),
    protocol: text.meta({ example: "tcp" }),
    heldBy: z.array(TalkerOwner.extend({ cluster: text }).meta({ id: "PeerHolder" })).meta({
      description:
        "Who held the peer's address at the end of the range, in each cluster that knows. Of a Service nothing is listed: flows are " +
        "told by their far end after DNAT, which is a Pod of it.",
    }),
    by: z.enum(SOURCE_BYS),
    metric: z.enum(SOURCE_METRICS),
    rankedBy: z.enum(SOURCE_METRICS).meta({
      description: "The metric, or entries where no row of the range knows the metric.",
    }),
    sources: z.array(
      z.union([
        SourceRows.pod,
        SourceRows.workload,
        SourceRows.namespace,
        SourceRows["nat-address"],
        SourceRows.address,
        SourceRows.cluster,
      ]),
    ),
    remainder: z.object({ rows: Count, ...measures, share: Share }).meta({
      description: "What is in no row; `rows`: of no fewer so many.",
    }),
    unattributed: z
      .object({ ...measures, share: Share })
      .optional()
      .meta({
        description:
          "By pod, workload and namespace: what comes from addresses that nobody is known to hold, or that are in no namespace. " +
          "Neither a row nor part of the remainder.",
      }),
    total: z.object({ ...measures, openedPerSecond: OpenedPerSecond }).meta({
      description:
        "All that reached the peer, as far as it was asked for. Counts of rows, `unattributed` and remainder add up to it; entries and " +
        "unreplied are the most at once, and the rows, which may have been at their most at other times, may add up to more.",
    }),
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
        "True where entries or unreplied were added up of flows that may have been at their most at different times.",
    }),
    window: TalkerWindow,
  })
  .meta({ id: "Sources" });
export type Sources = z.infer<typeof Sources>;

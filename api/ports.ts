import * as z from "zod";
import { HORIZON_MS, MIN_POINTS } from "../db/ports/trend.ts";
import { LOOK_BACK_MS } from "../db/queries/ports.ts";
import { Time } from "./contract.ts";
import { TalkerOwner } from "./top.ts";

const Count = z.int();
const Part = z.number();
const text = z.string();

const PortShare = z
  .object({
    source: text.meta({ description: "Address before NAT." }),
    owner: TalkerOwner.nullable().meta({
      description: "Who held it when the dump was taken; null where nobody knows.",
    }),
    used: Count,
    share: Part.meta({ description: "Part of `used`, 0 to 1." }),
  })
  .meta({ id: "PortShare" });

const PortTrend = z
  .object({
    points: z.array(z.tuple([z.int(), z.int()])).meta({
      description:
        "Epoch milliseconds of a dump, and the ports in use then; of a dump that did not list the row nothing is known.",
    }),
    perMinute: Part.nullable().meta({
      description: `Ports a minute: the median of the slopes between any two points. Null below ${MIN_POINTS} points.`,
    }),
  })
  .meta({ id: "PortTrend" });

export const PortRow = z
  .object({
    cluster: text,
    node: text,
    natAddress: text,
    protocol: text.meta({ example: "tcp" }),
    peer: text,
    peerPort: Count.meta({ description: "0 where the protocol has no ports." }),
    zone: Count.meta({ description: "Conntrack zone of the reply direction; 0 without zones." }),
    peerOwner: TalkerOwner.nullable(),
    used: Count.meta({
      description:
        "NAT ports in use; of ICMP, ids. Also those of flows that wait for their end, as in TIME_WAIT.",
    }),
    available: Count.meta({
      description:
        "How many the kernel can give: 1024 to 65535, of ICMP all ids. A rule with a range of its own (`--to-ports`) gives fewer, and a " +
        "source port below 1024 gets another below 1024.",
    }),
    utilisation: Part.meta({
      description:
        "used / available. The kernel tries so many ports at random, and fails for some flows from 0.97 on.",
    }),
    sources: Count.meta({ description: "How many sources hold them." }),
    shares: z.array(PortShare).meta({ description: "The largest sources, as the agent lists them." }),
    others: z.object({ sources: Count, used: Count }).meta({ description: "Sources that are not listed." }),
    trend: PortTrend,
    exhaustedAt: Time.nullable().meta({
      description:
        `When none is left if it goes on as in \`trend\`, or as over its last ${MIN_POINTS} points where that is slower: null where ` +
        `they do not become more, or no longer do, where too few points are known, and where it is over ${HORIZON_MS / 3_600_000} hours away.`,
    }),
    secondsToExhaustion: Count.nullable().meta({ description: "From `at` on, 0 where that is over." }),
    takenAt: Time.meta({ description: "When the node's table was read." }),
    interrupted: z
      .boolean()
      .meta({ description: "The table changed while it was read: some may be missing." }),
  })
  .meta({ id: "PortRow" });

export const PortsAnswer = z
  .object({
    at: Time,
    ports: z.array(PortRow).meta({ description: "The fullest first." }),
    matching: Count.meta({ description: "How many rows match in all." }),
    nodes: z.object({ reporting: Count, known: Count }).meta({
      description:
        `Nodes asked that reported in the ${LOOK_BACK_MS / 60_000} minutes before \`at\`, and those of them of which a dump of that time ` +
        "tells ports: none does where the flow tier or leases are off.",
    }),
    unlisted: Count.meta({
      description:
        "Each node lists its fullest peers only: towards one that it does not list no more ports are in use than this.",
    }),
  })
  .meta({ id: "PortsAnswer" });
export type PortsAnswer = z.infer<typeof PortsAnswer>;

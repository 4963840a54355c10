import * as z from "zod";
import { CERTAINTIES, REASONS, VIAS } from "../../db/attribution/answer.ts";
import { Time } from "../contract.ts";

const Text = z.string();
const TextOrNull = z.string().nullable();
const Port = z.int();
const Protocol = Text.meta({ description: "Name, or the IANA number as text.", example: "tcp" });

export const Reason = z
  .object({
    code: z.enum(REASONS),
    text: Text.meta({ description: "The same for people; may change." }),
  })
  .meta({ id: "AttributionReason", description: "Why an answer is less than certain, or blind." });

export const AttributionOwner = z
  .object({
    kind: Text.meta({ description: "pod, host, service, container or external.", example: "pod" }),
    namespace: TextOrNull,
    name: Text,
    uid: TextOrNull,
    workloadKind: TextOrNull,
    workload: TextOrNull,
    node: TextOrNull.meta({ description: "Where it ran; null of services." }),
    since: Time.nullable().meta({ description: "Null: since before anybody looked." }),
    until: Time.nullable().meta({ description: "Null: still." }),
  })
  .meta({
    id: "AttributionOwner",
    description:
      "Who held the address of the source, and when. Null is not known, where nothing else is said.",
  });

export const Lease = z
  .object({
    natAddress: Text.meta({ description: "The address that the peer sees." }),
    natPort: Port.meta({ description: "Its port; of ICMP the id." }),
    protocol: Protocol,
    peer: Text,
    peerPort: Port,
    zone: z.int().meta({ description: "Conntrack zone; 0 without zones." }),
    opened: Time.nullable().meta({ description: "To the second. Null: before anybody watched." }),
    closed: Time.nullable().meta({ description: "To the second. Null: nobody saw it end." }),
    lastSeen: Time.meta({
      description: "The last time, of what was read, at which it is known to be in force.",
    }),
  })
  .meta({
    id: "Lease",
    description:
      "An SNAT mapping: towards that peer, the address and port stand for one source and its port.",
  });

const Source = Text.meta({ description: "Who was behind it: the address before SNAT." });
const SourcePort = Port.nullable().meta({ description: "Null where no lease tells." });

export const Candidate = z
  .object({
    certainty: z.enum(["certain", "probable", "ambiguous"]),
    cluster: Text,
    node: TextOrNull.meta({
      description: "The node that translated the address, or has it; null of services.",
    }),
    via: z.enum(VIAS).meta({
      description:
        "How it had the address: snat, by a lease; own, as its own; service, as one for which others stand; host, the node itself.",
    }),
    source: Source,
    sourcePort: SourcePort,
    owner: AttributionOwner.nullable().meta({ description: "Null where nobody knows." }),
    lease: Lease.nullable().meta({ description: "Null where the address was not translated." }),
    reasons: z.array(Reason),
  })
  .meta({ id: "AttributionCandidate", description: "One who may have been behind the address." });

export const Certainty = z.enum(CERTAINTIES).meta({
  description:
    "certain: seen in force at that time, by complete evidence, and nobody else fits. probable: seen before, or nearly then, and " +
    "not contradicted. ambiguous: several fit, and all are listed, up to a number. none: by complete evidence it was nobody. blind: nobody can know.",
});

export const Asked = z
  .object({
    address: Text,
    port: Port.nullable(),
    protocol: Protocol,
    peer: TextOrNull,
    peerPort: Port.nullable(),
    at: Time,
    toleranceSeconds: z.number(),
  })
  .meta({ id: "AttributionAsked", description: "The question as it was understood. Null is not said." });

export const NodeEvidence = z
  .object({
    cluster: Text,
    node: Text,
    keyframeAt: Time.nullable().meta({
      description:
        "When the list of all leases was taken from which the answer starts; null where there was none.",
    }),
    windows: z.int().meta({ description: "How many windows of the node were read." }),
    from: Time.nullable().meta({ description: "Begin of the first; null where there was none." }),
    to: Time.nullable().meta({ description: "End of the last." }),
    complete: z.boolean().meta({
      description: "Every beginning and end between the keyframe and the time asked for is known.",
    }),
    reasons: z.array(Reason),
    blind: z.array(Text).meta({ description: "What the agent there says that it cannot see." }),
  })
  .meta({ id: "AttributionEvidence", description: "What was read of a node." });

export const Evidence = z.object({ asked: Asked, nodes: z.array(NodeEvidence) });

const found = {
  certainty: Certainty,
  candidates: z.array(Candidate).meta({ description: "Best first." }),
  more: z.int().meta({ description: "How many more candidates there are than are listed." }),
  reasons: z.array(Reason),
};

export const Attribution = z.object({ ...found, evidence: Evidence }).meta({ id: "Attribution" });

export const HeldLease = z
  .object({
    cluster: Text,
    node: Text,
    source: Source,
    sourcePort: Port,
    owner: AttributionOwner.nullable(),
    ...Lease.shape,
    reasons: z.array(Reason).meta({ description: "What is not sure about the owner." }),
  })
  .meta({ id: "HeldLease", description: "A lease, and whose it was." });

export const Leases = z
  .object({
    leases: z.array(HeldLease).meta({ description: "The latest first." }),
    more: z.int().meta({ description: "How many more there were." }),
    from: Time,
    to: Time,
    reasons: z.array(Reason).meta({ description: "What of the question was not looked at." }),
    nodes: z
      .array(NodeEvidence)
      .meta({ description: "What was read; where that is not complete, there may be more leases." }),
  })
  .meta({ id: "Leases" });

/** Why a line has no answer. */
export const LINE_FAILURES = [
  "nothing-found",
  "no-port",
  "no-address",
  "not-connected",
  "time-zone-unknown",
  "no-such-cluster",
  "invalid",
] as const;
export type LineFailure = (typeof LINE_FAILURES)[number];

const Line = z.int().meta({
  description:
    "Line of the text or CSV, or place in the array, from 1. Blank lines, rules and headings are left out.",
});

const AnsweredLine = z
  .object({
    line: Line,
    asked: Asked,
    ...found,
    evidence: z.array(NodeEvidence).optional().meta({ description: "There with `evidence=true`." }),
  })
  .meta({ id: "AttributionAnsweredLine" });

const FailedLine = z
  .object({ line: Line, error: z.object({ code: z.enum(LINE_FAILURES), text: Text }) })
  .meta({
    id: "AttributionFailedLine",
    description: "A line that asks nothing, or that cannot be understood.",
  });

export const BatchLine = z.union([AnsweredLine, FailedLine]);

const Count = z.int();
export const Batch = z
  .object({
    counts: z
      .object({
        lines: Count,
        certain: Count,
        probable: Count,
        ambiguous: Count,
        none: Count,
        blind: Count,
        errors: Count,
      })
      .meta({
        description: "How many lines there are, and of them of each certainty and without an answer.",
      }),
    lines: z.array(BatchLine).meta({ description: "In the order in which they came." }),
  })
  .meta({ id: "AttributionBatch" });

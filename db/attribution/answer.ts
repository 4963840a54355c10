import type { FoundLease } from "../details.ts";

/** What somebody saw from outside, and wants to know who was behind. Addresses in canonical form, times in epoch ms. */
export type Question = {
  address: string;
  /** Of ICMP the id; undefined where nobody knows it. */
  port?: number | undefined;
  /** IANA number. */
  protocol: number;
  peer?: string | undefined;
  peerPort?: number | undefined;
  at: number;
  /** How far the asker's clock may be off, in either direction. */
  toleranceMs: number;
};

/**
 * certain: seen in force then, by complete evidence, and nobody else fits. probable: seen before, or nearly then, and not
 * contradicted. ambiguous: several fit. none: by complete evidence nobody did. blind: nobody can know.
 */
export const CERTAINTIES = ["certain", "probable", "ambiguous", "none", "blind"] as const;
export type Certainty = (typeof CERTAINTIES)[number];

/** Why an answer is less than certain, or blind. Codes are stable; `explain` of reasons.ts has a sentence for each. */
export const REASONS = [
  // Of a candidate.
  "opened-unknown",
  "events-incomplete",
  "not-reported-yet",
  "seen-only-before",
  "seen-only-after",
  "seen-before-and-after",
  "closed-before",
  "owner-unknown",
  "owner-gap",
  "owner-changed",
  "owner-not-confirmed",
  "elsewhere-incomplete",
  "no-port",
  "no-peer",
  "no-lease",
  // Of an answer.
  "several-sources",
  "several-clusters",
  "too-many-nodes",
  "too-many-leases",
  "address-unknown",
  "no-reports",
  "leases-off",
  "beyond-retention",
  "in-the-future",
  "not-in-conntrack",
] as const;
export type Reason = (typeof REASONS)[number];

/** How a candidate had the address: a lease of it, as its own, as a service that stands for others, or as the node itself. */
export const VIAS = ["snat", "own", "service", "host"] as const;
export type Via = (typeof VIAS)[number];

/** Who held the source's address. "" where it does not say. */
export type CandidateOwner = {
  kind: string;
  namespace: string;
  name: string;
  uid: string;
  workloadKind: string;
  workload: string;
  /** Where it ran; null of services. */
  node: string | null;
  /** Held in [since, until); 0: before anybody looked; null: still. */
  since: number;
  until: number | null;
};

/** One SNAT mapping as far as is known. Times are those of whole seconds, in epoch ms; a lease that is not closed may still be. */
export type LeaseLife = FoundLease & {
  /** The last instant at which it was seen in force, or was by complete evidence, within what was read. */
  lastSeen: number;
};

export type Candidate = {
  cluster: string;
  /** The node that translated it, or has it; null of services. */
  node: string | null;
  via: Via;
  source: string;
  sourcePort: number | null;
  owner: CandidateOwner | null;
  certainty: Exclude<Certainty, "none" | "blind">;
  reasons: readonly Reason[];
  /** The owner is meant to have held the source until then, where that is later than the lease began. */
  heldTo?: number | undefined;
  /** Of via snat. */
  lease: LeaseLife | null;
};

/** What was read of a node to answer. */
export type Evidence = {
  cluster: string;
  node: string;
  /** The dump that the answer starts from; null where there was none. */
  keyframeAt: number | null;
  /** Windows that were read, and the time from the begin of the first to the end of the last; null where there were none. */
  windows: number;
  from: number | null;
  to: number | null;
  /** Every beginning and end between the keyframe and the moment asked for is known. */
  complete: boolean;
  reasons: readonly Reason[];
  /** What the node's source says that it cannot see. */
  blind: readonly string[];
};

export type Attribution = {
  certainty: Certainty;
  /** Best first. */
  candidates: readonly Candidate[];
  reasons: readonly Reason[];
  evidence: readonly Evidence[];
};

import type * as z from "zod";
import type {
  Candidate,
  CandidateOwner,
  Evidence,
  LeaseLife,
  Question,
  Reason,
} from "../../db/attribution/answer.ts";
import { explain } from "../../db/attribution/reasons.ts";
import type { Answer, HeldLease, LeaseList } from "../../db/queries/attribution.ts";
import { toTime, toTimeOrNull } from "../contract.ts";
import { protocolName } from "../protocol.ts";
import type { Slice } from "../window.ts";
import type * as schema from "./schema.ts";

/** An answer as it is told over HTTP. */
export function toAnswer(question: Question, answer: Answer): z.infer<typeof schema.Attribution> {
  const { certainty, candidates, more, reasons, evidence } = answer;
  return {
    certainty,
    candidates: candidates.map(toCandidate),
    more,
    reasons: reasons.map(toReason),
    evidence: toEvidence(question, evidence),
  };
}

export const toEvidence = (
  question: Question,
  nodes: readonly Evidence[],
): z.infer<typeof schema.Evidence> => ({
  asked: toAsked(question),
  nodes: nodes.map(toNode),
});

export const toReason = (code: Reason) => ({ code, text: explain(code) });

export function toCandidate(candidate: Candidate): z.infer<typeof schema.Candidate> {
  const { certainty, cluster, node, via, source, sourcePort, owner, lease, reasons } = candidate;
  return {
    certainty,
    cluster,
    node,
    via,
    source,
    sourcePort,
    owner: owner && toOwner(owner),
    lease: lease && toLease(lease),
    reasons: reasons.map(toReason),
  };
}

function toOwner(owner: CandidateOwner): z.infer<typeof schema.AttributionOwner> {
  const { kind, namespace, name, uid, workloadKind, workload, node, since, until } = owner;
  return {
    kind,
    namespace: namespace || null,
    name,
    uid: uid || null,
    workloadKind: workloadKind || null,
    workload: workload || null,
    node,
    since: since === 0 ? null : toTime(since),
    until: toTimeOrNull(until),
  };
}

function toLease(lease: LeaseLife): z.infer<typeof schema.Lease> {
  const { natAddress, natPort, protocol, peer, peerPort, zone, opened, closed, lastSeen } = lease;
  return {
    natAddress,
    natPort,
    protocol: protocolName(protocol),
    peer,
    peerPort,
    zone,
    opened: toTimeOrNull(opened),
    closed: toTimeOrNull(closed),
    lastSeen: toTime(lastSeen),
  };
}

export function toAsked(question: Question): z.infer<typeof schema.Asked> {
  const { address, port, protocol, peer, peerPort, at, toleranceMs } = question;
  return {
    address,
    port: port ?? null,
    protocol: protocolName(protocol),
    peer: peer ?? null,
    peerPort: peerPort ?? null,
    at: toTime(at),
    toleranceSeconds: toleranceMs / 1000,
  };
}

export function toNode(evidence: Evidence): z.infer<typeof schema.NodeEvidence> {
  const { cluster, node, keyframeAt, windows, from, to, complete, reasons, blind } = evidence;
  return {
    cluster,
    node,
    keyframeAt: toTimeOrNull(keyframeAt),
    windows,
    from: toTimeOrNull(from),
    to: toTimeOrNull(to),
    complete,
    reasons: reasons.map(toReason),
    blind: [...blind],
  };
}

const toHeldLease = (held: HeldLease): z.infer<typeof schema.HeldLease> => ({
  cluster: held.cluster,
  node: held.node,
  source: held.source,
  sourcePort: held.sourcePort,
  owner: held.owner && toOwner(held.owner),
  ...toLease(held),
  reasons: held.reasons.map(toReason),
});

export const toLeases = (
  { leases, more, evidence, reasons }: LeaseList,
  { from, to }: Slice,
): z.infer<typeof schema.Leases> => ({
  leases: leases.map(toHeldLease),
  more,
  from: toTime(from),
  to: toTime(to),
  reasons: reasons.map(toReason),
  nodes: evidence.map(toNode),
});

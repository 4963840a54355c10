import { at, identityOf, instantAt, listAt, textAt } from "./kube-object.ts";
import type { Owner } from "./owner.ts";

/** An address that an object claims for its owner. */
export interface ObjectClaim {
  address: string;
  owner: Owner;
  since?: number;
}

/** What is needed of a Kubernetes object. */
export interface Claimed {
  uid: string;
  claims: ObjectClaim[];
  /** It is over, and holds nothing any more; the instant, where the object tells. */
  ended?: { at: number | undefined };
}

/** From where an object comes: told by a watch as it happened at `watchedAt`, or listed. */
export interface Sighting {
  node: string;
  watchedAt?: number;
}

/**
 * The holdings of a Pod; undefined where it is none. Its node's addresses are the host's, whatever runs there. A Pod of
 * another node, which a server or a proxy names that does not heed what was asked for, holds nothing here.
 */
export function readPod(pod: unknown, { node, watchedAt }: Sighting): Claimed | undefined {
  const identity = identityOf(pod);
  if (!identity) return undefined;
  const { uid } = identity;
  if ((textAt(pod, "spec", "nodeName") ?? node) !== node) return { uid, claims: [] };
  const owner: Owner = { kind: "pod", ...identity, ...workloadOf(pod) };
  const hosts = addresses(pod, "hostIPs", "hostIP");
  const own =
    at(pod, "spec", "hostNetwork") === true
      ? []
      : addresses(pod, "podIPs", "podIP").filter((address) => !hosts.includes(address));
  const since = heldSince(pod, watchedAt);
  const ended = endOf(pod);
  return {
    uid,
    claims: [
      ...own.map((address) => ({ address, owner, ...(since !== undefined && { since }) })),
      ...hosts.map((address): ObjectClaim => ({ address, owner: { kind: "host", name: node } })),
    ],
    ...(ended && { ended }),
  };
}

/** Both families in the plural field; the singular one is that of clusters before 1.20 (hostIPs: before 1.28). */
function addresses(pod: unknown, plural: string, singular: string): string[] {
  const several = listAt(pod, "status", plural).flatMap((entry) => textAt(entry, "ip") ?? []);
  return several.length > 0 ? several : [textAt(pod, "status", singular) ?? []].flat();
}

const containers = (pod: unknown): unknown[] =>
  ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"].flatMap((field) =>
    listAt(pod, "status", field),
  );

/**
 * Since when a Pod has its address. The runtime gives it when it makes the sandbox: after the kubelet took the Pod up
 * (startTime, minutes earlier where a volume is slow) and before the first container starts. The status tells of it
 * later, at a next sync, so that what was seen first in a watch comes after the first connections of a brief Job. The
 * earliest of these is taken: the condition that says the sandbox is ready, the start of a container that was never
 * restarted, the sighting in a watch. Where there are none, startTime.
 */
function heldSince(pod: unknown, watchedAt: number | undefined): number | undefined {
  const started = instantAt(pod, "status", "startTime");
  const ready = listAt(pod, "status", "conditions").find(
    (condition) =>
      textAt(condition, "type") === "PodReadyToStartContainers" && textAt(condition, "status") === "True",
  );
  const signs = [
    watchedAt,
    instantAt(ready, "lastTransitionTime"),
    ...containers(pod).map((container) => startOf(container)),
  ].filter((sign) => sign !== undefined);
  if (signs.length === 0) return started;
  return Math.max(Math.min(...signs), started ?? 0);
}

function startOf(container: unknown): number | undefined {
  if (at(container, "restartCount") !== 0) return undefined;
  return (
    instantAt(container, "state", "running", "startedAt") ??
    instantAt(container, "state", "terminated", "startedAt")
  );
}

/**
 * A Pod is over with its terminal phase, though its address stays in its status. Being deleted does not end it: it may
 * drain connections for as long as its grace period lasts, unless all of its containers have ended already.
 */
function endOf(pod: unknown): Claimed["ended"] {
  const phase = textAt(pod, "status", "phase");
  const ends = containers(pod).map((container) => instantAt(container, "state", "terminated", "finishedAt"));
  const last = ends.reduce<number | undefined>(
    (a, b) => (b === undefined ? a : Math.max(a ?? b, b)),
    undefined,
  );
  const deleted =
    textAt(pod, "metadata", "deletionTimestamp") !== undefined &&
    ends.length > 0 &&
    !ends.includes(undefined);
  return phase === "Succeeded" || phase === "Failed" || deleted ? { at: last } : undefined;
}

/** Labels by which a controller tells its ReplicaSets apart; it adds their value to the name. */
const HASH_LABELS = [
  { label: "pod-template-hash", kind: "Deployment" },
  { label: "rollouts-pod-template-hash", kind: "Rollout" },
];
/** A CronJob adds the minutes since 1970 to the names of its Jobs; before 1.21 it added the seconds. */
const CRON_JOB = /^(.+)-\d{8,10}$/;

/** What made the Pod, one step further up where the name tells: asking the server for it would need more rights. */
function workloadOf(pod: unknown): Pick<Owner, "workloadKind" | "workload"> {
  const references = listAt(pod, "metadata", "ownerReferences");
  const reference = references.find((one) => at(one, "controller") === true) ?? references[0];
  const kind = textAt(reference, "kind");
  const name = textAt(reference, "name");
  if (!kind || !name) return {};
  if (kind === "Job") {
    const [, cronJob] = CRON_JOB.exec(name) ?? [];
    if (cronJob) return { workloadKind: "CronJob", workload: cronJob };
  }
  return (kind === "ReplicaSet" && makerOf(pod, name)) || { workloadKind: kind, workload: name };
}

function makerOf(pod: unknown, replicaSet: string): Pick<Owner, "workloadKind" | "workload"> | undefined {
  for (const { label, kind } of HASH_LABELS) {
    const ending = `-${textAt(pod, "metadata", "labels", label) ?? ""}`;
    if (ending.length > 1 && replicaSet.length > ending.length && replicaSet.endsWith(ending))
      return { workloadKind: kind, workload: replicaSet.slice(0, -ending.length) };
  }
  return undefined;
}

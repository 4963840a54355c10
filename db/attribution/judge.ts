import type { Attribution, Candidate, CandidateOwner, Question, Reason } from "./answer.ts";
import { type Grouped, group } from "./candidates.ts";
import { type Held, type Holder, holding, ownerKey, ownersOf, unique } from "./holders.ts";
import { type Finding, find, KEYFRAME_MS, MAX_REACH_MS, type PlaceRead, type Span, spanOf } from "./place.ts";

export type { Holder } from "./holders.ts";
export { firstRange, type PlaceRead } from "./place.ts";

/** A question, and all that was read to answer it. */
export type Asked = {
  question: Question;
  now: number;
  /** Windows that began before may be gone. */
  keptFrom: number;
  /** Names of the clusters that are asked. */
  clusters: readonly string[];
  /** Nodes that had, or translated to, the address then. */
  places: readonly PlaceRead[];
  /** There are more such nodes, which nobody asked. */
  tooManyNodes?: boolean | undefined;
  /** A node that had the address has it no more, and the one that has it since is not known. */
  moved?: boolean | undefined;
  /** Names of clusters of which nobody says who held their addresses then. */
  unowned?: readonly string[] | undefined;
  /** All that is known of who held an address of a cluster; undefined where that was not read yet. */
  holders: (cluster: string, address: string) => readonly Holder[] | undefined;
};

/** What is to be read before there is an answer. */
export type Needs = {
  /** Windows of `places[place]` that reach into [from, to), which holds the range that was read before. */
  windows: readonly { place: number; from: number; to: number }[];
  owners: readonly { cluster: string; address: string }[];
};

export type Verdict = { answer: Attribution } | { needs: Needs };

/** Answers, or says what is to be read first: whoever reads that and asks again comes to an end. */
export function judge(asked: Asked): Verdict {
  const findings = asked.places.map((place) => find(place, asked.question, asked));
  if (spanOf(asked.question).start > asked.now)
    return {
      answer: {
        certainty: "blind",
        candidates: [],
        reasons: ["in-the-future"],
        evidence: findings.map(({ evidence }) => evidence),
      },
    };
  const windows = findings.flatMap(({ need }, place) => (need ? [{ place, ...need }] : []));
  const owners = unknownOwners(asked, findings);
  if (windows.length > 0 || owners.length > 0) return { needs: { windows, owners } };
  const more = [...beforeHolder(asked, findings), ...soonAfter(findings)];
  if (more.length > 0) return { needs: { windows: more, owners: [] } };
  return { answer: answerOf(asked, findings) };
}

function unknownOwners(
  { question, clusters, holders }: Asked,
  findings: readonly Finding[],
): Needs["owners"] {
  const wanted = new Map<string, { cluster: string; address: string }>();
  const want = (cluster: string, address: string) =>
    wanted.set(`${cluster} ${address}`, { cluster, address });
  for (const cluster of clusters) want(cluster, question.address);
  for (const { place, lives, near } of findings)
    for (const { source } of [...lives, ...near]) want(place.cluster, source);
  return [...wanted.values()].filter(({ cluster, address }) => holders(cluster, address) === undefined);
}

/** Windows in which the only lease that fits may have stood before its holder had the source; its beginning is unknown. */
function beforeHolder({ holders, keptFrom }: Asked, findings: readonly Finding[]): Needs["windows"] {
  const fits = findings.flatMap((finding, place) =>
    finding.lives.map((life) => ({ ...finding, place, at: finding.place, life })),
  );
  const [only] = fits;
  if (!only || fits.length > 1 || only.life.opened !== null || only.life.resumes) return [];
  const { place, at, life } = only;
  const [held] = ownersOf(life, at.node, holders(at.cluster, life.source) ?? []);
  const since = held?.owner?.since ?? 0;
  const seen = life.begin.max;
  if (since <= Math.max(0, seen - MAX_REACH_MS) || since > seen) return [];
  const from = Math.max(keptFrom, since - KEYFRAME_MS);
  return from < at.from ? [{ place, from, to: at.to }] : [];
}

const soonAfter = (findings: readonly Finding[]): Needs["windows"] =>
  findings.some(({ lives }) => lives.length > 0)
    ? []
    : findings.flatMap(({ soon }, place) => (soon ? [{ place, ...soon }] : []));

function answerOf(asked: Asked, findings: readonly Finding[]): Attribution {
  const evidence = findings.map((finding) => finding.evidence);
  const told = (candidates: readonly Grouped[]): Attribution => ({
    ...concluded(candidates, beyondAnswer(asked)),
    evidence,
  });
  const held = group(asked, findings, "lives");
  if (held.length > 0) return told(held);
  const near = group(asked, findings, "near");
  if (near.length > 0) return told([...near, ...itself(asked, findings)]);
  const own = asked.clusters.flatMap((cluster) => ownAnswers(asked, cluster, findings));
  if (own.length > 0) return told(own);
  return { ...nobody(asked, findings), candidates: [], evidence };
}

/** Why whatever was found may not be all, or not be so any more. */
function beyondAnswer({ question, now, tooManyNodes, moved }: Asked): Reason[] {
  const reasons: Reason[] = tooManyNodes ? ["too-many-nodes"] : [];
  if (moved) reasons.push("elsewhere-incomplete");
  if (question.at > now) reasons.push("in-the-future");
  else if (spanOf(question).end > now) reasons.push("not-reported-yet");
  return reasons;
}

/** Puts the best first, and says how sure it is. */
function concluded(
  groups: readonly Grouped[],
  beyond: readonly Reason[],
): Pick<Attribution, "certainty" | "candidates" | "reasons"> {
  const sorted = groups.toSorted((a, b) => a.distance - b.distance).map(({ candidate }) => candidate);
  const [only] = sorted;
  const more: Reason[] = [...beyond];
  if (only && sorted.length === 1) {
    const certain = only.certainty === "certain" && more.length === 0;
    const certainty = certain ? "certain" : "probable";
    const candidate: Candidate = { ...only, certainty };
    return { certainty, candidates: [candidate], reasons: unique([...only.reasons, ...more]) };
  }
  const candidates = sorted.map((candidate) => ({ ...candidate, certainty: "ambiguous" as const }));
  if (new Set(candidates.map(({ cluster }) => cluster)).size > 1) more.push("several-clusters");
  if (new Set(candidates.map(({ source }) => source)).size > 1) more.push("several-sources");
  if (more.length === beyond.length) more.push("owner-changed");
  return { certainty: "ambiguous", candidates, reasons: more };
}

/** The node that has the address, where nobody says to what peer: it comes after those who nearly had the port. */
const itself = (asked: Asked, findings: readonly Finding[]): Grouped[] =>
  asked.question.peer === undefined
    ? asked.clusters
        .flatMap((cluster) => ownAnswers(asked, cluster, findings))
        .filter(({ candidate }) => candidate.via === "host")
        .map((one) => ({ ...one, distance: Number.POSITIVE_INFINITY }))
    : [];

const VIA = { service: "service", host: "host" } as const;

/** Whoever has the address for his own, where no lease has the port. */
function ownAnswers(asked: Asked, cluster: string, findings: readonly Finding[]): Grouped[] {
  const { question, holders, moved, unowned = [] } = asked;
  const { start, end } = spanOf(question);
  const here = findings.filter(({ place }) => place.cluster === cluster);
  const ofNode = here.some(({ place }) => place.own);
  const known = mayHaveIt(holders(cluster, question.address) ?? [], { start, end, ofNode });
  if (known.length === 0) return [];
  const missing = here.flatMap(({ evidence }) => evidence.reasons);
  // Where nobody watched, any Pod may have had that port of a node that translates.
  const unseen = moved || (missing.length > 0 && here.some(({ place }) => place.translates !== false));
  const elsewhere: Reason[] = unowned.some((name) => name !== cluster) ? ["several-clusters"] : [];
  return holding(known, null, { from: start, to: end }).flatMap((held: Held) => {
    const { owner } = held;
    if (!owner) return [];
    const via = owner.kind === "service" || owner.kind === "host" ? VIA[owner.kind] : "own";
    if (unseen) return [];
    const reasons = unique([
      ...held.reasons,
      ...(via === "host" ? (["no-lease", ...missing] as const) : elsewhere),
    ]);
    const candidate: Candidate = {
      cluster,
      node: owner.node,
      via,
      source: question.address,
      sourcePort: question.port ?? null,
      owner: via === "host" && !isTold(owner, known) ? { ...owner, since: 0, until: null } : owner,
      certainty: reasons.length === 0 ? "certain" : "probable",
      reasons,
      lease: null,
    };
    return [{ candidate, distance: 0 }];
  });
}

/** Of addresses that only a node's list of its own has nobody says since when, or until when: they are looked for by the hour. */
const isTold = (owner: CandidateOwner, known: readonly Holder[]): boolean =>
  known.some((one) => one.told !== undefined && ownerKey(one) === ownerKey(owner));

/** What leaves a node with its own address is the node's or a Pod's, even where a Service can be reached at it. */
function mayHaveIt(
  holders: readonly Holder[],
  { start, end, ofNode }: Span & { ofNode: boolean },
): readonly Holder[] {
  const isHost = ({ kind, since, until }: Holder) =>
    kind === "host" && since <= end && (until ?? end) >= start;
  return ofNode || holders.some(isHost) ? holders.filter(({ kind }) => kind !== "service") : holders;
}

function nobody(asked: Asked, findings: readonly Finding[]): Pick<Attribution, "certainty" | "reasons"> {
  const { question, keptFrom, places } = asked;
  const reasons = unique(findings.flatMap(({ evidence }) => evidence.reasons));
  if (spanOf(question).end < keptFrom) reasons.unshift("beyond-retention");
  else if (places.length === 0) reasons.push("address-unknown");
  reasons.push(...beyondAnswer(asked));
  const seen = findings.length > 0 && findings.every(({ evidence }) => evidence.complete);
  return { certainty: seen && reasons.length === 0 ? "none" : "blind", reasons: unique(reasons) };
}

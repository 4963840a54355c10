import type { Candidate, Question, Reason } from "./answer.ts";
import type { Asked } from "./judge.ts";
import { type Held, type Holder, ownerKey, ownersOf, unique } from "./holders.ts";
import { leaseOf, type Life } from "./lives.ts";
import { type Finding, type Span, spanOf, surely } from "./place.ts";

/** A candidate, and how far from the moment asked for it was seen in force, in ms. */
export type Grouped = { candidate: Candidate; distance: number };

/** A lease that fits, and one who may have been behind it. */
type Fit = { finding: Finding; life: Life; held: Held };

const NO_PORTS = new Set([1, 58]);

/** Candidates of leases: one for each source and owner in a cluster. */
export function group(asked: Asked, findings: readonly Finding[], which: "lives" | "near"): Grouped[] {
  const { question, holders } = asked;
  const groups = new Map<string, Fit[]>();
  for (const fit of findings.flatMap((finding) => fitsOf(finding, which, holders))) {
    const key = [fit.finding.place.cluster, fit.life.source, ownerKey(fit.held.owner)].join("\0");
    const others = groups.get(key);
    if (others) others.push(fit);
    else groups.set(key, [fit]);
  }
  const open = openReasons(asked);
  return [...groups.values()].map((fits) => candidateOf(fits, { question, findings, open, which }));
}

function fitsOf(finding: Finding, which: "lives" | "near", holders: Asked["holders"]): Fit[] {
  const { cluster, node } = finding.place;
  return finding[which].flatMap((life) =>
    ownersOf(life, node, holders(cluster, life.source) ?? []).map((held) => ({ finding, life, held })),
  );
}

/** Why a question that does not name all of a mapping has no certain answer. */
function openReasons({ question, clusters, holders }: Asked): Reason[] {
  const { address, port, protocol, peer, peerPort } = question;
  if (port === undefined) return ["no-port"];
  const whole = peer !== undefined && (peerPort !== undefined || NO_PORTS.has(protocol));
  const isHost = ({ kind }: Holder) => kind === "host";
  const ofHost = clusters.some((cluster) => holders(cluster, address)?.some(isHost));
  return !whole && ofHost ? ["no-peer"] : [];
}

function candidateOf(
  fits: readonly Fit[],
  {
    question,
    findings,
    open,
    which,
  }: { question: Question; findings: readonly Finding[]; open: readonly Reason[]; which: "lives" | "near" },
): Grouped {
  const span = spanOf(question);
  const near = fits.toSorted((a, b) => distance(a.life, question.at) - distance(b.life, question.at));
  const [best] = near as [Fit];
  const elsewhere = findings.some(
    ({ place, evidence }) => place !== best.finding.place && !evidence.complete,
  );
  const seen = near.some(({ life }) => surely(life, span));
  const doubts: Reason[] = which === "near" ? [missed(best.life, span)] : seen ? [] : [unseen(near, span)];
  const reasons = unique([
    ...near.flatMap(({ held }) => held.reasons),
    ...doubts,
    ...near.flatMap(({ finding }) => (finding.evidence.complete ? [] : why(finding))),
    ...(elsewhere ? (["elsewhere-incomplete"] as const) : []),
    ...open,
  ]);
  const { life, held, finding } = best;
  const candidate: Candidate = {
    cluster: finding.place.cluster,
    node: finding.place.node,
    via: "snat",
    source: life.source,
    sourcePort: life.sourcePort,
    owner: held.owner,
    certainty: reasons.length === 0 ? "certain" : "probable",
    reasons,
    lease: leaseOf(life),
    heldTo: life.resumes && life.begin.max,
  };
  return { candidate, distance: distance(life, question.at) };
}

/** What of a place's reasons is one of a candidate: what it does not report, or not all of. */
const why = ({ evidence }: Finding): Reason[] =>
  evidence.reasons.includes("not-reported-yet") ? ["not-reported-yet"] : ["events-incomplete"];

const missed = ({ begin }: Life, { end }: Span): Reason =>
  begin.min > end ? "seen-only-after" : "closed-before";

function unseen(near: readonly Fit[], { start, end }: Span): Reason {
  const isAfter = ({ begin }: Life) => begin.max > end;
  const isBefore = ({ resumes, end }: Life) => Math.min(resumes?.seen ?? end.min, end.min) <= start;
  const [{ life }] = near as [Fit];
  if (life.closed !== null && life.closed <= start) return "closed-before";
  if (!near.some((fit) => isAfter(fit.life))) return "seen-only-before";
  return near.some((fit) => isBefore(fit.life)) ? "seen-before-and-after" : "seen-only-after";
}

/** 0 within what is sure of a lease. */
function distance({ begin, end }: Life, at: number): number {
  if (at < begin.max) return begin.max - at;
  return Math.max(0, at - end.min);
}

import { type Interval } from "../owners/claims.ts";
import type { Owner } from "../owners/owner.ts";
import type { Match, Matches } from "./match.ts";

/** Beginnings and ends of holdings and flows are known to the second, and told a little late: what is nearer than this may be another's. */
const SLACK_MS = 3_000;

/** Why an answer is no more than probable, or several; the codes are those of the API where it has the same. */
const REASONS = {
  "opened-unknown":
    "The kernel does not say when this flow began (net.netfilter.nf_conntrack_timestamp is off): who has the address now may have got it since.",
  "owner-unknown":
    "Nobody is known here to hold this address now: it is outside, of another node, or owners are not known here.",
  "owner-gap":
    "The address changed hands about when this flow began, or later: it may be left over from an earlier holder.",
  "owner-not-confirmed":
    "Nobody here knows since when the holder has the address: this flow may be left over from an earlier one.",
  "owner-changed":
    "Flows that fit began under several holders of the address. Say the far end that saw it: --peer ADDRESS:PORT.",
  "several-sources": "Several flows fit. Say the far end that saw it: --peer ADDRESS:PORT.",
  "too-many-flows": "More flows fit than are looked at. Say the port and the far end that saw it.",
  "dump-incomplete": "The table was not read as a whole: others may fit, too.",
} as const;
export type ReasonCode = keyof typeof REASONS;
export interface Reason {
  code: ReasonCode;
  text: string;
}

export type Certainty = "certain" | "probable" | "ambiguous" | "none" | "blind";

export interface Holding extends Omit<Interval, "empty"> {
  owner: Owner;
}

export interface Candidate extends Match {
  certainty: Exclude<Certainty, "none" | "blind">;
  via: "snat" | "own" | "host";
  owner: (Owner & { since: number | undefined; until: number | undefined }) | undefined;
  reasons: Reason[];
}

export interface Answer {
  certainty: Certainty;
  candidates: Candidate[];
  /** Flows that fit, and are not listed. */
  more: number;
  reasons: Reason[];
}

export interface Known {
  now: number;
  /** Who holds an address, of what is known here. */
  holdings: (address: string) => readonly Holding[];
  /** The node's own addresses, and its name. */
  own: ReadonlySet<string>;
  node: string;
  /** Every row of the table was read. */
  whole: boolean;
}

/** Who is behind the flows that fit, now. */
export function answerOf({ found, more }: Matches, known: Known): Answer {
  const owners = found.map((match) => ownerOf(match, known));
  const sources = new Set(found.map(({ source }) => source));
  const several = sources.size > 1 || new Set(owners.map(({ owner }) => keyOf(owner))).size > 1;
  const reasons: ReasonCode[] = [];
  if (several) reasons.push(sources.size > 1 ? "several-sources" : "owner-changed");
  if (!known.whole) reasons.push("dump-incomplete");
  if (more > 0) reasons.push("too-many-flows");
  const all = known.whole && more === 0;
  const candidates = found.map((match, at): Candidate => {
    const { owner, reason } = owners[at] ?? { owner: undefined };
    return {
      ...match,
      via: match.snat ? "snat" : known.own.has(match.source) ? "host" : "own",
      owner,
      certainty: several ? "ambiguous" : all && reason === undefined ? "certain" : "probable",
      reasons: reason ? [explained(reason)] : [],
    };
  });
  return { certainty: overall(candidates, known.whole), candidates, more, reasons: reasons.map(explained) };
}

function overall(candidates: readonly Candidate[], whole: boolean): Certainty {
  if (candidates.length === 0) return whole ? "none" : "blind";
  const kinds = new Set(candidates.map(({ certainty }) => certainty));
  return kinds.has("ambiguous") ? "ambiguous" : kinds.has("probable") ? "probable" : "certain";
}

/** What tells one holder from another. */
export const keyOf = (owner: Candidate["owner"]): string =>
  owner ? JSON.stringify([owner.kind, owner.namespace, owner.name, owner.uid]) : "";

const explained = (code: ReasonCode): Reason => ({ code, text: REASONS[code] });

type Held = { owner: Candidate["owner"]; reason?: ReasonCode };

/** Who held the address when the flow began: a flow outlives its Pod in the table, and addresses are given anew within seconds. */
function ownerOf({ source, opened }: Match, { now, holdings, own, node }: Known): Held {
  if (own.has(source)) return { owner: { kind: "host", name: node, since: undefined, until: undefined } };
  const all = holdings(source);
  const at = opened ?? now;
  const then = all.findLast((holding) => isHeld(holding, at, at));
  if (!then) {
    const later = all.find(({ until }) => endOf(until) > at);
    return later
      ? { owner: toOwner(later), reason: "owner-gap" }
      : { owner: undefined, reason: "owner-unknown" };
  }
  const reason = doubt(then, opened);
  return { owner: toOwner(then), ...(reason && { reason }) };
}

function doubt(holding: Holding, opened: number | undefined): ReasonCode | undefined {
  if (opened === undefined) return "opened-unknown";
  // Pods that are gone stand in no list: they may have had it before.
  if (holding.since === undefined) return "owner-not-confirmed";
  return isHeld(holding, opened - SLACK_MS, opened + SLACK_MS) ? undefined : "owner-gap";
}

/** From one instant to another, and without a break. */
const isHeld = ({ since = 0, until }: Holding, from: number, to: number): boolean =>
  since <= from && endOf(until) > to;

const endOf = (until: number | undefined): number => until ?? Number.POSITIVE_INFINITY;

const toOwner = ({ owner, since, until }: Holding) => ({ ...owner, since, until });

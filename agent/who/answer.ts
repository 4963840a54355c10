import { type Interval } from "../owners/claims.ts";
import type { Owner } from "../owners/owner.ts";
import type { Match, Matches } from "./match.ts";

/** Starts of holdings are known to the second, and may be told a little late; a lease is not dialled before its Pod. */
const EARLY_MS = 3_000;

/** Why an answer is no more than probable, or several; the codes are those of the API where it has the same. */
const REASONS = {
  "opened-unknown":
    "The kernel does not say when this flow began (net.netfilter.nf_conntrack_timestamp is off): who has the address now may have got it since.",
  "owner-unknown":
    "Nobody is known here to hold this address now: it is outside, of another node, or owners are not known here.",
  "owner-gap":
    "Who holds the address now got it after this flow began: it may be left over from an earlier holder.",
  "several-sources": "Several flows fit. Say the far end that saw it: --peer ADDRESS:PORT.",
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
  const sources = new Set(found.map(({ source }) => source));
  const reasons: ReasonCode[] = [];
  if (sources.size > 1) reasons.push("several-sources");
  if (!known.whole) reasons.push("dump-incomplete");
  const candidates = found.map((match) => candidate(match, known, sources.size > 1));
  return { certainty: overall(candidates, known.whole), candidates, more, reasons: reasons.map(explained) };
}

function overall(candidates: readonly Candidate[], whole: boolean): Certainty {
  if (candidates.length === 0) return whole ? "none" : "blind";
  const kinds = new Set(candidates.map(({ certainty }) => certainty));
  return kinds.has("ambiguous") ? "ambiguous" : kinds.has("probable") ? "probable" : "certain";
}

function candidate(match: Match, known: Known, ambiguous: boolean): Candidate {
  const { owner, reason } = ownerOf(match, known);
  const via = match.snat ? "snat" : known.own.has(match.source) ? "host" : "own";
  const sure = reason === undefined && known.whole;
  return {
    ...match,
    via,
    owner,
    certainty: ambiguous ? "ambiguous" : sure ? "certain" : "probable",
    reasons: reason ? [explained(reason)] : [],
  };
}

const explained = (code: ReasonCode): Reason => ({ code, text: REASONS[code] });

/** Who held the address when the flow began: a flow outlives its Pod in the table, and addresses are given anew within seconds. */
function ownerOf(
  { source, opened }: Match,
  { now, holdings, own, node }: Known,
): { owner: Candidate["owner"]; reason?: ReasonCode } {
  if (own.has(source)) return { owner: { kind: "host", name: node, since: undefined, until: undefined } };
  const all = holdings(source);
  const at = opened ?? now;
  const begun = all.filter(({ since = 0 }) => since <= at + EARLY_MS);
  const then = begun.findLast(({ until = Number.POSITIVE_INFINITY }) => until > at);
  if (then)
    return { owner: toOwner(then), ...(opened === undefined && { reason: "opened-unknown" as const }) };
  const later = all.find(({ until = Number.POSITIVE_INFINITY }) => until > now);
  return later
    ? { owner: toOwner(later), reason: "owner-gap" }
    : { owner: undefined, reason: "owner-unknown" };
}

const toOwner = ({ owner, since, until }: Holding) => ({ ...owner, since, until });

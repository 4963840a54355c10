import { formatAddress } from "../conntrack/address.ts";
import { type Entry, ORIG_SRC, REPLY_DST, REPLY_SRC, type Sink } from "../conntrack/entry.ts";
import { natBits, SNAT } from "../conntrack/nat.ts";
import { isIcmp } from "../conntrack/protocols.ts";
import type { Question, Words } from "./question.ts";

/** Rows kept: a port stands for one flow towards each peer. More are counted only, as of an address without a port. */
export const MAX_MATCHES = 1_000;

/** A flow of the table that is seen from outside as was asked. */
export interface Match {
  source: string;
  sourcePort: number;
  natAddress: string;
  natPort: number;
  peer: string;
  peerPort: number;
  protocol: number;
  zone: number;
  snat: boolean;
  /** Epoch ms; undefined where the kernel does not say. */
  opened: number | undefined;
}

export interface Matches {
  found: Match[];
  /** Those there was no room for. */
  more: number;
}

/** Takes the rows of a dump and keeps those that answer: the far end sends its replies to what it saw. */
export function matcher(question: Question): { sink: Sink; matches: Matches } {
  const matches: Matches = { found: [], more: 0 };
  const sink: Sink = (entry) => {
    if (!isSeen(entry, question)) return;
    if (matches.found.length < MAX_MATCHES) matches.found.push(toMatch(entry));
    else matches.more += 1;
  };
  return { sink, matches };
}

function isSeen(entry: Entry, { address, port, protocol, peer, peerPort }: Question): boolean {
  return (
    entry.protocol === protocol &&
    isAt(entry, REPLY_DST, address) &&
    (port === undefined || natPortOf(entry) === port) &&
    (peer === undefined || isAt(entry, REPLY_SRC, peer)) &&
    (peerPort === undefined || entry.replySport === peerPort)
  );
}

/** Of ICMP the id, which is where other protocols have the port a packet comes from. */
const natPortOf = (entry: Entry): number => (isIcmp(entry.protocol) ? entry.replySport : entry.replyDport);

function isAt({ family, addresses }: Entry, offset: number, { family: wanted, words }: Words): boolean {
  if (family !== wanted) return false;
  for (let i = 0; i < (family === 4 ? 1 : 4); i += 1) if (addresses[offset + i] !== words[i]) return false;
  return true;
}

function toMatch(entry: Entry): Match {
  const { addresses, family, protocol, origSport, replySport, startedAt } = entry;
  const address = (offset: number) => formatAddress(addresses, offset, family);
  return {
    source: address(ORIG_SRC),
    sourcePort: origSport,
    natAddress: address(REPLY_DST),
    natPort: natPortOf(entry),
    peer: address(REPLY_SRC),
    peerPort: isIcmp(protocol) ? 0 : replySport,
    protocol,
    zone: entry.zone || entry.zoneReply,
    snat: (natBits(entry) & SNAT) !== 0,
    opened: startedAt < 0 ? undefined : startedAt,
  };
}

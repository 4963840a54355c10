import * as fc from "fast-check";
import { Entry, ORIG_DST, ORIG_SRC, REPLY_DST, REPLY_SRC } from "../../agent/conntrack/entry.ts";

/** An entry as a test writes it: last bytes of addresses in 10.0.0.0/24, and what differs from a plain TCP flow. */
export interface PlainEntry {
  source: number;
  peer: number;
  peerPort?: number;
  sourcePort?: number;
  protocol?: number;
  ipv6?: boolean;
  /** SNAT: what the peer sees. */
  natAddress?: number;
  natPort?: number;
  /** DNAT: where the source believes to go. */
  service?: number;
  status?: number;
  state?: number;
  zone?: number;
  timeout?: number;
  id?: number;
  startedAt?: number;
  bytes?: number;
  packets?: number;
}

const TEN = 0x0a000000;

/** The entry the kernel would have for such a flow. */
export function anEntry(plain: PlainEntry): Entry {
  const entry = new Entry();
  entry.family = plain.ipv6 ? 6 : 4;
  entry.protocol = plain.protocol ?? 6;
  setAddresses(entry, plain);
  setPorts(entry, plain);
  entry.status = plain.status ?? 0;
  entry.state = plain.state ?? (entry.protocol === 6 ? 3 : -1);
  entry.zone = plain.zone ?? 0;
  entry.timeout = plain.timeout ?? -1;
  entry.id = plain.id ?? 0;
  entry.startedAt = plain.startedAt ?? -1;
  if (plain.bytes !== undefined) {
    entry.counted = true;
    entry.counters.set([plain.packets ?? 1, plain.bytes, 0, 0]);
  }
  return entry;
}

function setAddresses(
  { addresses }: Entry,
  { source, peer, service = peer, natAddress = source }: PlainEntry,
) {
  addresses.set([TEN | source], ORIG_SRC);
  addresses.set([TEN | service], ORIG_DST);
  addresses.set([TEN | peer], REPLY_SRC);
  addresses.set([TEN | natAddress], REPLY_DST);
}

const ECHO = 8 << 8;

/** ICMP keeps its id on the source's side of both tuples, and its answer has a type of its own. */
function setPorts(entry: Entry, { peerPort = 443, sourcePort = 40_000, natPort = sourcePort }: PlainEntry) {
  const icmp = entry.protocol === 1;
  entry.origSport = sourcePort;
  entry.origDport = icmp ? ECHO : peerPort;
  entry.replySport = icmp ? natPort : peerPort;
  entry.replyDport = icmp ? 0 : natPort;
}

const small = (max: number) => fc.integer({ min: 0, max });

/** Entries of a busy little network: few addresses and ports, so that groups collide. */
export const someEntry: fc.Arbitrary<PlainEntry> = fc.record(
  {
    source: small(5),
    peer: fc.integer({ min: 10, max: 14 }),
    peerPort: fc.constantFrom(53, 80, 443, 5432),
    protocol: fc.constantFrom(1, 6, 17, 47, 132),
    ipv6: fc.boolean(),
    natAddress: fc.integer({ min: 200, max: 202 }),
    service: fc.integer({ min: 100, max: 101 }),
    status: fc.constantFrom(0, 2, 6, 14, 0x4002),
    zone: small(2),
    bytes: fc.integer({ min: 0, max: 2 ** 40 }),
    packets: fc.integer({ min: 0, max: 2 ** 30 }),
  },
  { requiredKeys: ["source", "peer"] },
);

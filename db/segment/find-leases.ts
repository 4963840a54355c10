import { formatAddress, parseAddress } from "../address.ts";
import { ByteReader, SegmentError, unfolded } from "./bytes.ts";

/** Which leases are looked for: addresses in canonical form; what is undefined may be anything. */
export type LeaseFilter = {
  natAddress?: string | undefined;
  /** Of ICMP the id. */
  natPort?: number | undefined;
  /** IANA number. */
  protocol?: number | undefined;
  peer?: string | undefined;
  /** Not compared for ICMP, which has none. */
  peerPort?: number | undefined;
  source?: string | undefined;
};

/** One row of a table of leases. Times are those of whole seconds, in epoch ms. */
export type FoundLease = {
  natAddress: string;
  natPort: number;
  protocol: number;
  peer: string;
  peerPort: number;
  zone: number;
  source: string;
  sourcePort: number;
  /** Null: before anybody watched. */
  opened: number | null;
  /** Null: still held at the end of the window; always so in a keyframe. */
  closed: number | null;
};

const PORTS = 65_536;
const PROTOCOLS = 256;
const HOLDER_BYTES = 6;
const LEASE_BYTES = 3;
const IPV4_BYTES = 4;
const ADDRESS_LENGTHS = new Set([IPV4_BYTES, 16]);
const ICMP = new Set([1, 58]);
const SECOND_MS = 1000;

/** The addresses of a section, compared as bytes; text is made of those alone that somebody reads. */
export class AddressBytes {
  readonly #bytes: Uint8Array;
  readonly #starts: number[] = [];
  readonly #texts = new Map<number, string>();

  constructor(section: ByteReader) {
    const lengths = section.column(section.count(1 + IPV4_BYTES));
    let start = 0;
    for (const length of lengths) {
      if (!ADDRESS_LENGTHS.has(length))
        throw new SegmentError(`the segment has an address of ${length} bytes`);
      this.#starts.push(start);
      start += length;
    }
    this.#starts.push(start);
    this.#bytes = section.raw(start);
    section.end();
  }

  get size(): number {
    return this.#starts.length - 1;
  }

  text(index: number): string {
    const known = this.#texts.get(index);
    if (known !== undefined) return known;
    const text = formatAddress(this.#of(index));
    this.#texts.set(index, text);
    return text;
  }

  /** Indexes of an address; undefined where any is meant. */
  where(text: string | undefined): ReadonlySet<number> | undefined {
    if (text === undefined) return undefined;
    const wanted = parseAddress(text);
    const indexes = new Set<number>();
    if (!wanted) return indexes;
    for (let index = 0; index < this.size; index++) if (isSame(this.#of(index), wanted)) indexes.add(index);
    return indexes;
  }

  #of(index: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[index], this.#starts[index + 1]);
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

type Holders = Record<"source" | "natAddress" | "peer" | "peerPort" | "protocol" | "leases", number[]> & {
  zone: number[] | undefined;
};
/** A row that is looked for: which it is, who holds it, and its NAT port. */
type Hit = { row: number; holder: number; natPort: number };
type Table = { rows: FoundLease[]; omitted: number };

/**
 * The rows of a table of leases (see leases.ts) that a filter takes; the columns of all others are passed over byte by byte. Begins and
 * ends are seconds from `from`, epoch ms. Of more rows than the limit one is there.
 */
export function findInTable(
  table: ByteReader,
  addresses: AddressBytes,
  { filter, from, limit, ends }: { filter: LeaseFilter; from: number; limit: number; ends: boolean },
): Table {
  const holders = readHolders(table, addresses.size);
  const rows = table.count(LEASE_BYTES);
  const wanted = wantedHolders(holders, addresses, filter);
  const hits = findPorts(table, rows, { holders, wanted, natPort: filter.natPort, limit });
  const sourcePorts = pick(table, rows, hits);
  const opened = pick(table, rows, hits);
  const omitted = table.number();
  const closed = ends ? pick(table, rows, hits) : [];
  table.end();
  const base = Math.floor(from / SECOND_MS);
  const instant = (second: number | null | undefined) =>
    typeof second === "number" ? (base + second) * SECOND_MS : null;
  const found = hits.map(({ holder, natPort }, at) => ({
    natAddress: addresses.text(holders.natAddress[holder] ?? 0),
    natPort,
    protocol: holders.protocol[holder] ?? 0,
    peer: addresses.text(holders.peer[holder] ?? 0),
    peerPort: holders.peerPort[holder] ?? 0,
    zone: holders.zone?.[holder] ?? 0,
    source: addresses.text(holders.source[holder] ?? 0),
    sourcePort: natPort + (sourcePorts[at] ?? 0),
    opened: instant(opened[at]),
    closed: instant(closed[at]),
  }));
  return { rows: found, omitted };
}

function readHolders(table: ByteReader, addresses: number): Holders {
  const size = table.count(HOLDER_BYTES);
  return {
    source: table.column(size, addresses),
    natAddress: table.column(size, addresses),
    peer: table.column(size, addresses),
    peerPort: table.column(size, PORTS),
    protocol: table.column(size, PROTOCOLS),
    leases: table.column(size),
    zone: table.optional() === undefined ? undefined : table.column(size, PORTS),
  };
}

/** One byte a holder: 1 where it may have what is looked for. */
function wantedHolders(holders: Holders, addresses: AddressBytes, filter: LeaseFilter): Uint8Array {
  const wanted = new Uint8Array(holders.source.length).fill(1);
  const keep = (column: readonly number[], is: (value: number) => boolean) => {
    for (let at = 0; at < wanted.length; at++) if (wanted[at] === 1 && !is(column[at] ?? 0)) wanted[at] = 0;
  };
  for (const name of ["natAddress", "peer", "source"] as const) {
    const indexes = addresses.where(filter[name]);
    if (indexes) keep(holders[name], (index) => indexes.has(index));
  }
  const { protocol, peerPort } = filter;
  if (protocol !== undefined) keep(holders.protocol, (number) => number === protocol);
  if (peerPort !== undefined)
    for (let at = 0; at < wanted.length; at++)
      if (holders.peerPort[at] !== peerPort && !ICMP.has(holders.protocol[at] ?? 0)) wanted[at] = 0;
  return wanted;
}

type Looked = { holders: Holders; wanted: Uint8Array; natPort: number | undefined; limit: number };

function findPorts(table: ByteReader, rows: number, { holders, wanted, natPort, limit }: Looked): Hit[] {
  const hits: Hit[] = [];
  let row = 0;
  let passed = 0;
  for (let holder = 0; holder < wanted.length; holder++) {
    const leases = holders.leases[holder] ?? 0;
    if (leases > rows - row - passed) throw new SegmentError("holders have more leases than are listed");
    if (wanted[holder] !== 1) {
      passed += leases;
      continue;
    }
    table.skip(passed);
    row += passed;
    passed = 0;
    let port = 0;
    for (const end = row + leases; row < end; row++) {
      port += table.number();
      if (port >= PORTS) throw new SegmentError(`the segment has port ${port}`);
      if ((natPort === undefined || port === natPort) && hits.length <= limit)
        hits.push({ row, holder, natPort: port });
    }
  }
  table.skip(rows - row);
  return hits;
}

/** The values of a column of signed numbers at the rows that were hit. */
function pick(table: ByteReader, rows: number, hits: readonly Hit[]): (number | null)[] {
  let at = 0;
  const values = hits.map(({ row }) => {
    table.skip(row - at);
    at = row + 1;
    return unfolded(table.number());
  });
  table.skip(rows - at);
  return values;
}

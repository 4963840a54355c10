import { MEASURES } from "../fold/measures.ts";
import type { Measure } from "../fold/measures.ts";
import type { Bounds, Table } from "../fold/table.ts";
import { SegmentError } from "../segment/bytes.ts";
import type { ByteReader, ByteWriter } from "../segment/bytes.ts";

/**
 * Bits that say which measures follow. Append only. Columns stand in this order, and so nothing depends on the order in
 * which a table got its own.
 */
const BITS: Readonly<Record<Measure, number>> = {
  entries: 0,
  snatEntries: 1,
  unreplied: 2,
  peers: 3,
  opened: 4,
  closed: 5,
  bytes: 6,
  packets: 7,
};
const STORED = MEASURES.toSorted((a, b) => BITS[a] - BITS[b]);
const MASKS = 2 ** STORED.length;

/** Between keys; like BETWEEN in none of their texts. */
const BETWEEN_KEYS = "\u0001";

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Keys as one text, which deflate makes nearly as small as indexes into dictionaries, and which is read in half the time: one
 * pass, one split, and no key is put together from pieces.
 */
export function writeTable(to: ByteWriter, table: Table): void {
  const rows = table.keys.length;
  const text = table.keys.join(BETWEEN_KEYS);
  if (rows > 0 && text.split(BETWEEN_KEYS).length !== rows)
    throw new RangeError("a key has a control character in it");
  const bytes = TO_BYTES.encode(text);
  to.number(rows);
  to.number(bytes.length);
  to.raw(bytes);
  const measures = STORED.filter((measure) => table.columns[measure] !== undefined);
  to.number(maskOf(measures));
  for (const measure of measures) to.rows((table.columns[measure] ?? []).map(saturated), rows);
  to.number(table.rest.rows);
  for (const amounts of [table.rest, table.lack, table.miss]) writeBounds(to, amounts);
}

export function readTable(from: ByteReader): Table {
  const rows = from.count(1);
  const keys = keysOf(from.raw(from.number()), rows);
  const columns: Table["columns"] = {};
  for (const measure of readMask(from)) columns[measure] = from.column(rows);
  const rest = { rows: from.number(), ...readBounds(from) };
  const table = { keys, columns, rest, lack: readBounds(from), miss: readBounds(from) };
  from.end();
  return table;
}

function keysOf(bytes: Uint8Array, rows: number): string[] {
  let text: string;
  try {
    text = TO_TEXT.decode(bytes);
  } catch (cause) {
    throw new SegmentError("the keys of the bucket are no text", { cause });
  }
  const keys = rows === 0 && text === "" ? [] : text.split(BETWEEN_KEYS);
  if (keys.length !== rows)
    throw new SegmentError(`the bucket has ${keys.length} keys where it says ${rows}`);
  return keys;
}

function writeBounds(to: ByteWriter, bounds: Bounds): void {
  const measures = STORED.filter((measure) => bounds[measure] !== undefined);
  to.number(maskOf(measures));
  for (const measure of measures) to.number(saturated(bounds[measure] ?? 0));
}

function readBounds(from: ByteReader): Bounds {
  const bounds: Bounds = {};
  for (const measure of readMask(from)) bounds[measure] = from.number();
  return bounds;
}

const maskOf = (measures: readonly Measure[]) =>
  measures.reduce((mask, measure) => mask + 2 ** BITS[measure], 0);

function readMask(from: ByteReader): Measure[] {
  const mask = from.number();
  if (mask >= MASKS) throw new SegmentError(`the bucket has measures nobody knows (${mask})`);
  return STORED.filter((measure) => (mask & (2 ** BITS[measure])) !== 0);
}

/** One agent that says nonsense must not keep the sums of a whole cluster from being stored. */
const saturated = (value: number) => (value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : value);

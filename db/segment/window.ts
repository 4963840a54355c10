import { type ByteReader, type ByteWriter, SegmentError } from "./bytes.ts";

type Columns = Readonly<Record<string, readonly unknown[] | number | undefined>>;
type Sums = Readonly<Record<string, number | undefined>>;

/** Columns of a table that a report may lack, each with what the rows not listed add up to. Append only. */
export const TALKER_OPTIONS = ["opened", "closed", "established", "idle", "closeWait"] as const;
export const GROUP_OPTIONS = ["opened", "closed", "bytes", "packets", "zone"] as const;

/** Whether a table has any of these columns, or a sum of one. */
export function hasOptions(names: readonly string[], columns: Columns, rest: Sums): boolean {
  return names.some((name) => columns[name] !== undefined || rest[name] !== undefined);
}

/** Each column and each sum is there or not. */
export function writeOptions(
  to: ByteWriter,
  names: readonly string[],
  { columns, rest, rows }: { columns: Columns; rest: Sums; rows: number },
): void {
  for (const name of names) {
    const values = columns[name] as readonly number[] | undefined;
    to.number(values ? rows + 1 : 0);
    if (values) to.rows(values, rows);
    to.optional(rest[name]);
  }
}

/** Adds what `writeOptions` wrote to a table of that many rows. */
export function readOptions<Name extends string>(
  from: ByteReader,
  names: readonly Name[],
  table: {
    columns: { [name in Name]?: readonly number[] | undefined };
    rest: { [name in Name]?: number | undefined };
    rows: number;
  },
): void {
  for (const name of names) {
    const rows = from.number() - 1;
    if (rows >= 0) {
      if (rows !== table.rows) throw new SegmentError("the segment has columns of unequal length");
      table.columns[name] = from.column(rows);
    }
    const sum = from.optional();
    if (sum !== undefined) table.rest[name] = sum;
  }
  from.end();
}

/** What a spreadsheet would take for a formula, or for the begin of another cell. */
const FORMULA = /^[=+\-@\t\r]/;
const QUOTED = /[",\r\n]/;

export type Cell = string | number | null | undefined;

type Row = Readonly<Record<string, Cell>>;

/**
 * Rows as CSV (RFC 4180), the first with the names of the columns. Texts that a spreadsheet would run as a formula get an
 * apostrophe before them, with which it shows them as they are.
 */
export function toCsv(columns: readonly string[], rows: readonly Row[]): string {
  return `${written(columns)}${csvLines(columns, rows)}`;
}

/** The same without the names, to go on with. */
export function csvLines(columns: readonly string[], rows: readonly Row[]): string {
  return rows.map((row) => written(columns.map((column) => row[column]))).join("");
}

const written = (cells: readonly Cell[]): string => `${cells.map(cell).join(",")}\r\n`;

function cell(value: Cell): string {
  if (typeof value === "number") return String(value);
  const text = value ?? "";
  const inert = FORMULA.test(text) ? `'${text}` : text;
  return QUOTED.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

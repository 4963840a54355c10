/** What a spreadsheet would take for a formula, or for the begin of another cell. */
const FORMULA = /^[=+\-@\t\r]/;
const QUOTED = /[",\r\n]/;

export type Cell = string | number | null | undefined;

/**
 * Rows as CSV (RFC 4180), the first with the names of the columns. Texts that a spreadsheet would run as a formula get an
 * apostrophe before them, with which it shows them as they are.
 */
export function toCsv(columns: readonly string[], rows: readonly Readonly<Record<string, Cell>>[]): string {
  const lines = [columns.map(cell), ...rows.map((row) => columns.map((column) => cell(row[column])))];
  return lines.map((cells) => `${cells.join(",")}\r\n`).join("");
}

function cell(value: Cell): string {
  if (typeof value === "number") return String(value);
  const text = value ?? "";
  const inert = FORMULA.test(text) ? `'${text}` : text;
  return QUOTED.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

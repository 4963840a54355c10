/**
 * /proc/net/stat/nf_conntrack: one row for each CPU, columns in hexadecimal under their names, each summed here (and so
 * `entries`, which every row repeats, is not to be used).
 */
export function sumStatistics(text: string): Record<string, number> {
  const [names = [], ...rows] = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(
    names.map((name, column) => [
      name,
      rows.reduce((sum, row) => sum + Number.parseInt(row[column] ?? "0", 16), 0),
    ]),
  );
}

/** Characters of one bound JSON text: D1 takes 2,000,000 bytes, and a character has up to three. */
const MAX_TEXT = 600_000;

/** JSON arrays that together hold the rows, each short enough to bind. */
export function jsonChunks(rows: readonly unknown[]): string[] {
  const chunks: string[] = [];
  let items: string[] = [];
  let length = 0;
  for (const row of rows) {
    const item = JSON.stringify(row);
    if (items.length > 0 && length + item.length > MAX_TEXT) {
      chunks.push(`[${items.join(",")}]`);
      items = [];
      length = 0;
    }
    items.push(item);
    length += item.length + 1;
  }
  if (items.length > 0) chunks.push(`[${items.join(",")}]`);
  return chunks;
}

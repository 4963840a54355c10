/** Rows that could not be read, with the first few of them as text: counted, never lost silently. */
export interface Unreadable {
  lines: number;
  samples: string[];
}

/** What a report may carry of them: enough to recognize a format, too little to leak a table (api/wire.ts). */
const MAX_SAMPLES = 5;
const MAX_SAMPLE_LENGTH = 500;
/** No character takes more bytes in UTF-8. */
const MAX_CHARACTER_BYTES = 4;

export const noneUnreadable = (): Unreadable => ({ lines: 0, samples: [] });

/** Counts a row that could not be read; `text` is called only for those that are kept. */
export function addUnreadable(unreadable: Unreadable, text: () => string): void {
  unreadable.lines += 1;
  if (unreadable.samples.length < MAX_SAMPLES) unreadable.samples.push(text().slice(0, MAX_SAMPLE_LENGTH));
}

/** The beginning of a line as text, as long as a sample may be. */
export const lineText = (bytes: Uint8Array, start: number, end: number): string =>
  new TextDecoder().decode(
    bytes.subarray(start, Math.min(end, start + MAX_SAMPLE_LENGTH * MAX_CHARACTER_BYTES)),
  );

/** The beginning of a message in hexadecimal, as long as a sample may be. */
export function messageText(view: DataView, start: number, end: number): string {
  const bytes = new Uint8Array(
    view.buffer,
    view.byteOffset + start,
    Math.min(end - start, MAX_SAMPLE_LENGTH / 2),
  );
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

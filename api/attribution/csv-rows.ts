export type CsvRow = { line: number; cells: string[] };

/** A cell in quotes that is longer is none: its quote was never closed, and what follows are rows of their own. */
export const MAX_CELL_LENGTH = 4096;
/** Of more the rest is not kept: a question has a tenth of them. */
export const MAX_CELLS = 100;
/** Up to the quote that is followed by the end of the cell; two of them stand for one. */
const QUOTED = new RegExp(String.raw`"((?:[^"]|""){0,${MAX_CELL_LENGTH}})"(?=,|\r?\n|$)`, "y");
const BARE = /[^,\n]*/y;

/** Read between two pauses: cells, or what does not fit into so few characters. */
const CELLS_AT_ONCE = 10_000;
const CHARACTERS_AT_ONCE = 100_000;

/**
 * Rows of CSV (RFC 4180) with the lines that they begin in, from 1; lines may end with LF alone, and those without a cell are passed
 * over. Undefined is a pause, in which others may have their turn. A quote that opens no whole cell is part of the text, so that no row is lost to another.
 */
export function* csvRows(text: string): Generator<CsvRow | undefined> {
  let cells = 0;
  let paused = 0;
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const row: CsvRow = { line, cells: [] };
    for (;;) {
      const cell = cellAt(text, at);
      at = cell.end;
      line += cell.lines;
      if (row.cells.length < MAX_CELLS) row.cells.push(cell.text);
      cells += 1;
      if (cells >= CELLS_AT_ONCE || at - paused >= CHARACTERS_AT_ONCE) {
        yield undefined;
        cells = 0;
        paused = at;
      }
      if (text[at] !== ",") break;
      at += 1;
    }
    if (text.startsWith("\r\n", at)) at += 1;
    at += 1;
    line += 1;
    if (row.cells.some((cell) => cell !== "")) yield row;
  }
}

function cellAt(text: string, at: number): { text: string; end: number; lines: number } {
  QUOTED.lastIndex = at;
  const [all, quoted] = text[at] === '"' ? (QUOTED.exec(text) ?? []) : [];
  if (all !== undefined && quoted !== undefined)
    return { text: quoted.replaceAll('""', '"'), end: at + all.length, lines: all.split("\n").length - 1 };
  BARE.lastIndex = at;
  const [bare = ""] = BARE.exec(text) ?? [];
  const cut = bare.endsWith("\r") && text[at + bare.length] === "\n" ? bare.slice(0, -1) : bare;
  return { text: cut, end: at + cut.length, lines: 0 };
}

/** What a row says in one column; a value that is not known is empty. */
export interface Column<Row> {
  title: string;
  of: (row: Row) => string | number | null | undefined;
  /** What is left out first where the table is wider than the terminal: the highest. Without it a column always stays. */
  spare?: number;
}

const GAP = "  ";
const UNKNOWN = "-";

/**
 * Rows below their titles, numbers to the right. Columns in which no row says anything are left out, and as many that are spare
 * as it takes to fit into `width`; no value is ever cut: names are to be copied.
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width?: number): string {
  const filled = columns
    .map(({ title, of, spare = 0 }) => ({ title, spare, cells: rows.map((row) => of(row)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== null && cell !== undefined && cell !== ""))
    .map(({ title, spare, cells }) => column(title, spare, cells));
  const shown = fitting(filled, width);
  const lines = Array.from({ length: rows.length + 1 }, (_, at) =>
    shown
      .map(({ texts }) => texts[at] ?? "")
      .join(GAP)
      .trimEnd(),
  );
  return lines.join("\n");
}

interface Laid {
  texts: string[];
  width: number;
  spare: number;
}

function column(title: string, spare: number, cells: readonly (string | number | null | undefined)[]): Laid {
  const right = cells.every((cell) => typeof cell !== "string" || cell === "");
  const texts = [title, ...cells.map(textOf)];
  const width = Math.max(...texts.map(widthOf));
  return {
    texts: texts.map((text) => {
      const pad = " ".repeat(width - widthOf(text));
      return right ? pad + text : text + pad;
    }),
    width,
    spare,
  };
}

function textOf(cell: string | number | null | undefined): string {
  if (typeof cell === "number") return number(cell);
  return cell || UNKNOWN;
}

/** By code points: names of Kubernetes are ASCII. */
const widthOf = (text: string): number => Array.from(text).length;

function fitting(columns: readonly Laid[], width = Number.POSITIVE_INFINITY): readonly Laid[] {
  const total = columns.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);
  const least = Math.max(0, ...columns.map(({ spare }) => spare));
  if (total <= width || least === 0) return columns;
  const at = columns.findLastIndex(({ spare }) => spare === least);
  return fitting(columns.toSpliced(at, 1), width);
}

/** Thousands apart; what has a fraction with as many digits as say something. */
export function number(value: number): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 1 : 3;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? "" : `${(share * 100).toFixed(1)}%`;

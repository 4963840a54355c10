import type { Report, ReportNode, TableGauges } from "../api/wire.ts";
import { type Dump, type Source, SourceError } from "./sources/source.ts";
import { Summary } from "./summary/summary.ts";
import type { Window } from "./window.ts";

/** What one window is read from. */
export interface Reader {
  source: Source | undefined;
  /** Why there is no source, or no cheaper one. */
  reasons: readonly string[];
  identity(): Promise<ReportNode>;
  gauges(): Promise<TableGauges>;
  now: () => number;
  summary: Summary;
}

/** The wire takes this many sentences and characters; a remedy in full is in the agent's own log. */
const MAX_SENTENCES = 16;
const MAX_SENTENCE = 500;

type Read = Pick<Report, "completeness" | "dump" | "flows">;

/**
 * Reads the table once and sums it up. A source that fails costs the report its flows, never the report: gauges and
 * the reason still go out.
 */
export async function readReport(
  reader: Reader,
  window: Window,
  sequence: number,
  signal: AbortSignal,
): Promise<Report> {
  const [node, table] = await Promise.all([reader.identity(), reader.gauges()]);
  const read = await readTable(reader, window, signal);
  // The kernel marks no dump of conntrack as interrupted (seen on 6.18), and a resize loses a third of its entries.
  const resized = (await reader.gauges()).buckets !== table.buckets;
  if (resized && read.dump) read.completeness.interrupted = true;
  return { node, sequence, window, table, ...read };
}

async function readTable(reader: Reader, window: Window, signal: AbortSignal): Promise<Read> {
  const { source, summary, now } = reader;
  if (!source) return unseen(reader.reasons);
  const takenAt = now();
  summary.dumpBegins(takenAt);
  try {
    const dump = await source.dump((entry) => summary.add(entry), signal);
    summary.dumpEnds(true);
    const { counts, flows, untracked, opened } = summary.take(window);
    return {
      completeness: {
        ...completeness(source, dump),
        ...(untracked > 0 && { untracked }),
        ...(opened && { opened }),
      },
      ...(counts && { dump: { ...counts, durationMs: Math.max(0, now() - takenAt) } }),
      ...(flows && { flows }),
    };
  } catch (error) {
    summary.dumpEnds(false);
    summary.take(window);
    if (error instanceof SourceError) return unseen([`${error.message}; ${error.remedy}`]);
    if (signal.aborted) return unseen([`The ${source.name} source did not give the table in time.`]);
    throw error;
  }
}

function completeness(source: Source, dump: Dump): Report["completeness"] {
  return {
    source: source.name,
    events: "off",
    blind: sentences(source.blind),
    ...(dump.interrupted && { interrupted: true }),
    ...(dump.unreadable.lines > 0 && { unreadable: dump.unreadable }),
  };
}

function unseen(reasons: readonly string[]): Read {
  return { completeness: { source: "none", events: "off", blind: sentences(reasons) } };
}

const sentences = (texts: readonly string[]) =>
  texts.slice(0, MAX_SENTENCES).map((text) => text.slice(0, MAX_SENTENCE));

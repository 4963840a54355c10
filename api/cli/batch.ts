import type * as z from "zod";
import type { Batch } from "../attribution/schema.ts";
import { adviceFor, askAgain, type Said } from "./advice.ts";
import type { Page, Shown } from "./command.ts";
import { number, percent, table } from "./table.ts";
import { endpoint, ownerText, qualified, workloadText } from "./words.ts";

type Answer = z.infer<typeof Batch>;
type Line = Answer["lines"][number];
type Answered = Extract<Line, { asked: unknown }>;

/** Line by line who it was; then who it was how often, how sure all that is, and why no surer. */
export function showBatch({ counts, lines }: Answer, page: Page, said: Said): Shown {
  if (lines.length === 0) return { text: "No line with an address was sent.", found: false };
  const { time, width } = page;
  const rows = table(
    lines,
    [
      { title: "line", of: ({ line }) => line },
      { title: "seen", of: (line) => answered(line, ({ asked }) => endpoint(asked.address, asked.port)) },
      { title: "at", of: (line) => answered(line, ({ asked }) => time(asked.at)), spare: 3 },
      { title: "certainty", of: (line) => answered(line, ({ certainty }) => certainty) },
      { title: "who", of: whoOf },
      { title: "of", of: (line) => answered(line, madeBy), spare: 2 },
      { title: "node", of: (line) => answered(line, ({ candidates: [first] }) => first?.node), spare: 4 },
      {
        title: "cluster",
        of: (line) => answered(line, ({ candidates: [first] }) => first?.cluster),
        spare: 1,
      },
    ],
    width,
  );
  const found = lines.some((line) => "candidates" in line && line.candidates.length > 0);
  const parts = [
    rows,
    ...behind(lines, width),
    ...why(lines, page, said),
    `${countsText(counts)} Times: ${page.zone}.${zoneText(lines, page, said)}`,
  ];
  return { text: parts.join("\n\n"), found };
}

const answered = <T>(line: Line, read: (line: Answered) => T): T | null =>
  "asked" in line ? read(line) : null;

/** The one who it was, or why there is none. */
function whoOf(line: Line): string {
  if ("error" in line) return `(${line.error.code})`;
  const { candidates, more, reasons } = line;
  const [first, ...others] = candidates;
  if (!first) return `(${reasons.map(({ code }) => code).join(", ")})`;
  return others.length + more > 0 ? `${nameOf(first)} or ${others.length + more} more` : nameOf(first);
}

const nameOf = ({ owner, source }: Answered["candidates"][number]): string =>
  owner ? qualified(owner.name, owner.namespace) : source;

const madeBy = ({ candidates: [first] }: Answered): string =>
  workloadText(first?.owner?.workloadKind, first?.owner?.workload);

/** More than these are found by the rows above. */
const RANKED = 20;

/** Who it was how often, the most frequent first: of lines that name one only. */
function behind(lines: readonly Line[], width: number | undefined): string[] {
  const named = lines.flatMap((line) => ("candidates" in line && line.candidates.length === 1 ? [line] : []));
  const byName = Map.groupBy(named, ({ candidates: [first] }) =>
    first ? `${first.owner ? ownerText(first.owner) : first.source}, ${first.cluster}` : "",
  );
  if (byName.size === named.length) return [];
  const ranked = [...byName].toSorted(([, a], [, b]) => b.length - a.length).slice(0, RANKED);
  return [
    table(
      ranked,
      [
        { title: "lines", of: ([, of]) => of.length },
        { title: "share", of: ([, of]) => percent(of.length / lines.length) },
        { title: "who, cluster", of: ([name]) => name },
      ],
      width,
    ),
  ];
}

/** What lines lack, how many of them, and what would tell more. */
function why(lines: readonly Line[], page: Page, said: Said): string[] {
  const reasons = lines.flatMap((line) => ("error" in line ? [] : line.reasons));
  const lacks = lines.flatMap((line): readonly { code: string; text: string }[] =>
    "error" in line ? [line.error] : line.reasons,
  );
  const counted = [...Map.groupBy(lacks, ({ code, text }) => `${code}: ${text}`)]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([text, { length }]) => `  ${number(length)} ${text}`);
  const early = lines.flatMap((line) =>
    "asked" in line && line.reasons.some(({ code }) => code === "not-reported-yet") ? [line.asked.at] : [],
  );
  const todo = [...askAgain(early, said, page), ...adviceFor(reasons, said)];
  return [counted, todo].filter((part) => part.length > 0).map((part) => part.join("\n"));
}

/** Lines that have a time of their own may name no zone; who reads another clock would not notice. */
function zoneText(lines: readonly Line[], { zone }: Page, { values }: Said): string {
  const times = new Set(lines.flatMap((line) => ("asked" in line ? [line.asked.at] : [])));
  if (times.size <= 1 || zone === "UTC" || values["zone"] !== undefined) return "";
  return " Those in lines that name no zone were read as UTC: --zone +01:00 says another.";
}

function countsText({ lines, errors, ...certainties }: Answer["counts"]): string {
  const some = Object.entries({ ...certainties, "without a question": errors }).filter(
    ([, count]) => count > 0,
  );
  const parts = some.map(([name, count]) => `${number(count)} ${name}`);
  return `${number(lines)} ${lines === 1 ? "line" : "lines"}: ${parts.join(", ")}.`;
}

import type * as z from "zod";
import type { Talkers } from "../../top.ts";
import type { Command, Page } from "../command.ts";
import { FLOW, OWNER, parameters, RANGE, SCOPE, words } from "../options.ts";
import { type Column, number, percent, table } from "../table.ts";

type Answer = z.infer<typeof Talkers>;
/** Of whatever is asked by; a row has the fields of one of the schema's kinds. */
type Row = Partial<Record<string, string | number | null>> & {
  share: number;
  peerOwner?: { namespace: string | null; name: string } | null;
  owner?: { namespace: string | null; name: string } | null;
};

/** How many rows a screen has room for. */
const ROWS = "20";

export const top: Command<Answer> = {
  name: "top",
  does: "who uses the connection tables most",
  usage: "[--by WHAT] [--metric WHAT] [--since 1h] [filters]",
  notes: "Rows, what nobody is known to own, and all others add up to the total.",
  options: {
    by: { value: "WHAT", says: "pod, workload, namespace, node, address, peer or flow (pod)" },
    metric: { value: "WHAT", says: "entries, opened, closed, unreplied, bytes, packets, ... (entries)" },
    ...RANGE,
    ...SCOPE,
    ...OWNER,
    ...FLOW,
    limit: { value: "N", says: `rows at most (${ROWS})` },
  },
  question(given) {
    words(given, []);
    return { path: `/v1/talkers${parameters(given, { by: "pod", limit: ROWS })}` };
  },
  show: (answer, page) => ({
    text: [heading(answer, page), rowsOf(answer, page), ...notes(answer, page)].join("\n"),
    found: answer.talkers.length > 0,
  }),
};

function heading({ by, rankedBy, window: { from, to } }: Answer, { time, zone }: Page): string {
  return `By ${by}, most ${rankedBy} first, ${time(from)} to ${time(to)} (${zone})\n`;
}

function rowsOf({ by, rankedBy, talkers, unattributed, remainder }: Answer, { width }: Page): string {
  const others = by === "flow" || by === "peer" ? "others" : "all others";
  const rows = [
    ...(talkers as Row[]).map((row) => ({ ...row, who: nameOf(by, row) })),
    ...(unattributed ? [{ ...unattributed, who: "(nobody known)" }] : []),
    ...(remainder.rows > 0 ? [{ ...remainder, who: `(${number(remainder.rows)} or more ${others})` }] : []),
  ] as (Row & { who: string })[];
  return table(rows, columnsOf(by, rankedBy), width);
}

const columnsOf = (by: string, metric: string): Column<Row & { who: string }>[] => [
  { title: metric, of: (row) => row[metric] },
  { title: "a second", of: ({ perSecond }) => perSecond, spare: 2 },
  { title: "share", of: ({ share }) => percent(share) },
  { title: by, of: ({ who }) => who },
  {
    title: "of",
    of: (row) => row["workload"] && `${row["workloadKind"] ?? ""} ${row["workload"]}`.trim(),
    spare: 3,
  },
  { title: "owner", of: ({ owner }) => owner && nameIn(owner), spare: 4 },
  { title: "far end's owner", of: ({ peerOwner }) => peerOwner && nameIn(peerOwner), spare: 5 },
  { title: "as", of: (row) => row["natAddress"], spare: 6 },
  { title: "node", of: (row) => (by === "node" ? "" : row["node"]), spare: 7 },
  { title: "cluster", of: (row) => row["cluster"], spare: 1 },
];

const nameIn = ({ namespace, name }: { namespace: string | null; name: string }): string =>
  namespace ? `${namespace}/${name}` : name;

/** What the row is called, in words that can be copied. */
function nameOf(by: Answer["by"], row: Row): string {
  const text = (field: string) => String(row[field] ?? "");
  if (by === "peer") return `${endpoint(text("peer"), row["port"])} ${text("protocol")}`;
  if (by === "flow")
    return `${text("source")} → ${endpoint(text("peer"), row["peerPort"])} ${text("protocol")}`;
  const inNamespace = row["namespace"] && (by === "pod" || by === "workload");
  return inNamespace ? `${text("namespace")}/${text(by)}` : text(by);
}

function endpoint(address: string, port: string | number | null | undefined): string {
  if (!port) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function* notes({ metric, rankedBy, exact, lack, missing, window, talkers }: Answer, { time }: Page) {
  if (talkers.length === 0)
    yield "\nNothing was reported there. Is the range right, and what it is narrowed to?";
  if (metric !== rankedBy) yield `\nNobody counts ${metric} here: ranked by ${rankedBy}.`;
  if (window.foldedUntil) yield `\nWhole up to ${time(window.foldedUntil)}; later reports are not in it yet.`;
  const [short, unlisted] = [lack[rankedBy] ?? 0, missing[rankedBy] ?? 0];
  if (!exact && short + unlisted > 0)
    yield `\nNo row is short of more than ${number(short)}; nobody who is not listed has more than ${number(unlisted)}.`;
}

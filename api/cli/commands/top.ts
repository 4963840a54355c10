import type * as z from "zod";
import type { Talkers } from "../../top.ts";
import type { Command, Page } from "../command.ts";
import { FLOW, OWNER, parameters, RANGE, SCOPE, words } from "../options.ts";
import { allRows, caveats, count, heading, isAny, madeBy, NOTHING, type Row, text } from "../ranking.ts";
import { type Column, percent, table } from "../table.ts";
import { endpoint, qualified } from "../words.ts";

type Answer = z.infer<typeof Talkers>;
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
  show(answer, page) {
    const { talkers } = answer;
    const found = isAny(talkers, answer);
    const rows = found ? rowsOf(answer, page) : NOTHING;
    return {
      text: [`Top ${heading(answer, page)}`, rows, ...caveats(talkers, answer, page)].join("\n\n"),
      found,
    };
  },
};

function rowsOf(answer: Answer, { width }: Page): string {
  const { by, rankedBy } = answer;
  return table(
    allRows(answer.talkers, (row) => nameOf(by, row), answer),
    columnsOf(by, rankedBy),
    width,
  );
}

const columnsOf = (by: string, metric: string): Column<Row>[] => [
  { title: metric, of: (row) => count(row[metric]) },
  { title: "a second", of: ({ perSecond }) => count(perSecond), spare: 2 },
  { title: "share", of: ({ share }) => percent(count(share)) },
  { title: by, of: ({ who }) => text(who) },
  { title: by === "workload" ? "kind" : "of", of: (row) => madeBy(by, row), spare: 3 },
  { title: "owner", of: ({ owner }) => ownerIn(owner), spare: 4 },
  { title: "far end", of: ({ peerOwner }) => ownerIn(peerOwner), spare: 5 },
  { title: "as", of: ({ natAddress }) => text(natAddress), spare: 6 },
  { title: "node", of: ({ node }) => (by === "node" ? "" : text(node)), spare: 7 },
  { title: "cluster", of: ({ cluster }) => text(cluster), spare: 1 },
];

function ownerIn(owner: unknown): string {
  const { name, namespace } = (owner ?? {}) as Row;
  return qualified(text(name), text(namespace));
}

/** What the row is called, in words that can be copied. */
function nameOf(by: Answer["by"], row: Row): string {
  const { peer, port, peerPort, protocol, source, namespace } = row;
  if (by === "peer") return `${endpoint(text(peer), count(port))} ${text(protocol)}`;
  if (by === "flow") return `${text(source)} → ${endpoint(text(peer), count(peerPort))} ${text(protocol)}`;
  return qualified(text(row[by]), by === "namespace" ? "" : text(namespace));
}

import type { Sources } from "../../sources.ts";
import type { Command, Page } from "../command.ts";
import { OWNER, parameters, RANGE, SCOPE, words } from "../options.ts";
import { allRows, caveats, count, heading, isAny, madeBy, NOTHING, type Row, text } from "../ranking.ts";
import { type Column, number, percent, table } from "../table.ts";
import { endpoint, qualified } from "../words.ts";

export const peers: Command<Sources> = {
  name: "peers",
  does: "who reaches a service outside, and how hard",
  usage: "ADDRESS[:PORT] [--by WHAT] [--metric WHAT] [--since 1h]",
  notes:
    "The service as the nodes know it, such as 10.0.0.9:3306 or [fd00::9]:3306; without a port, all of its ports.",
  options: {
    by: { value: "WHAT", says: "pod, workload, namespace, address, cluster or nat-address (pod)" },
    metric: { value: "WHAT", says: "entries, opened, closed, unreplied, bytes or packets (entries)" },
    ...RANGE,
    protocol: { value: "NAME", says: "tcp, udp, ... or a number (tcp)" },
    nat: { value: "CLASS", says: "none, snat, dnat or both" },
    source: { value: "ADDRESS", says: "address the flows come from" },
    ...SCOPE,
    ...OWNER,
    limit: { value: "N", says: "rows at most (20)" },
  },
  question(given) {
    const [peer = ""] = words(given, ["ADDRESS[:PORT]"]);
    return { path: `/v1/peers/${encodeURIComponent(bracketed(peer))}/sources${parameters(given)}` };
  },
  show(answer, page) {
    const { sources } = answer;
    const found = isAny(sources, answer);
    const rows = found ? rowsOf(answer, page) : NOTHING;
    const caption = `${title(answer)}\n${totalOf(answer)}, ${heading(answer, page)}`;
    return { text: [caption, rows, ...caveats(sources, answer, page)].join("\n\n"), found };
  },
};

/** An IPv6 address alone, as it is written elsewhere. */
const bracketed = (peer: string): string => (/^[^[\]]*:[^[\]]*:[^[\]]*$/.test(peer) ? `[${peer}]` : peer);

function title({ peer, port, protocol, heldBy }: Sources): string {
  const names = heldBy.map(({ name, namespace, cluster }) => `${qualified(name, namespace)} of ${cluster}`);
  return `Who reaches ${endpoint(peer, port)} (${protocol})${names.length > 0 ? `, which is ${names.join(", ")}` : ""}`;
}

function totalOf({ total }: Sources): string {
  const { entries = 0, opened, openedPerSecond } = total;
  const began = opened === undefined ? "" : `, ${number(opened)} opened`;
  const rate = openedPerSecond === undefined ? "" : `, ${number(openedPerSecond)} a second`;
  return `${number(entries)} at once at most${began}${rate}`;
}

function rowsOf(answer: Sources, { width }: Page): string {
  const { by, rankedBy } = answer;
  return table(
    allRows(answer.sources, (row) => nameOf(by, row), answer),
    columnsOf(by, rankedBy),
    width,
  );
}

const columnsOf = (by: string, metric: string): Column<Row>[] => [
  { title: metric, of: (row) => count(row[metric]) },
  { title: "share", of: ({ share }) => percent(count(share)) },
  { title: by, of: ({ who }) => text(who) },
  { title: by === "workload" ? "kind" : "of", of: (row) => madeBy(by, row), spare: 4 },
  { title: "as", of: ({ natAddresses, natAddressCount }) => some(natAddresses, natAddressCount), spare: 3 },
  { title: "nodes", of: ({ nodes, nodeCount }) => some(nodes, nodeCount), spare: 5 },
  { title: "entries", of: ({ entries }) => (metric === "entries" ? null : count(entries)), spare: 6 },
  { title: "opened a second", of: ({ openedPerSecond }) => count(openedPerSecond), spare: 2 },
  { title: "bytes", of: ({ bytes }) => (metric === "bytes" ? null : count(bytes)), spare: 7 },
  { title: "node", of: ({ node }) => text(node), spare: 8 },
  { title: "cluster", of: ({ cluster }) => (by === "cluster" ? "" : text(cluster)), spare: 1 },
];

/** More than these are only counted. */
const LISTED = 2;

function some(listed: unknown, known: unknown): string {
  const names = Array.isArray(listed) ? listed.slice(0, LISTED).map(text) : [];
  const more = (count(known) ?? 0) - names.length;
  return `${names.join(" ")}${more > 0 ? ` +${more}` : ""}`;
}

function nameOf(by: Sources["by"], row: Row): string {
  if (by === "nat-address") return text(row["natAddress"]) || "(their own)";
  return qualified(text(row[by]), by === "namespace" || by === "cluster" ? "" : text(row["namespace"]));
}

import type { PortsAnswer } from "../../ports.ts";
import type { Command } from "../command.ts";
import { FLOW, parameters, SCOPE, words } from "../options.ts";
import { number, percent, table } from "../table.ts";
import { endpoint, qualified } from "../words.ts";

type Port = PortsAnswer["ports"][number];

export const ports: Command<PortsAnswer> = {
  name: "ports",
  does: "which NAT ports run out, whose they are, and when",
  usage: "[--cluster NAME] [--node NAME] [filters]",
  notes: "Of each NAT address towards each far end, the fullest first.",
  options: {
    ...SCOPE,
    address: { value: "ADDRESS", says: "NAT address" },
    peer: FLOW.peer,
    port: FLOW.port,
    protocol: FLOW.protocol,
    pod: { value: "NAME", says: "those of which it holds some" },
    namespace: { value: "NAME", says: "namespace of --pod" },
    at: { value: "TIME", says: "as it was then (now), as --at of who" },
    since: { value: "DURATION", says: "how far back the trend goes, 5m to 24h (15m)" },
    limit: { value: "N", says: "rows at most (20)" },
  },
  question(given) {
    words(given, []);
    return { path: `/v1/ports${parameters(given)}` };
  },
  show({ at, ports, matching, nodes, unlisted }, { time, zone, width }) {
    const clusters = new Set(ports.map(({ cluster }) => cluster)).size;
    const rows = table(
      ports,
      [
        { title: "full", of: ({ utilisation }) => percent(utilisation) },
        { title: "used", of: ({ used }) => used, spare: 3 },
        { title: "available", of: ({ available }) => available, spare: 6 },
        { title: "as", of: ({ natAddress }) => natAddress, spare: 1 },
        { title: "towards", of: ({ peer, peerPort }) => endpoint(peer, peerPort) },
        { title: "protocol", of: ({ protocol }) => protocol, spare: 7 },
        { title: "largest", of: largest },
        { title: "a minute", of: ({ trend }) => trend.perMinute, spare: 4 },
        { title: "none left", of: ({ exhaustedAt }) => exhaustedAt && time(exhaustedAt) },
        { title: "node", of: ({ node }) => node },
        { title: "cluster", of: ({ cluster }) => cluster, spare: clusters > 1 ? 2 : 5 },
      ],
      width,
    );
    const more = matching - ports.length;
    const text = [
      `NAT ports in use, ${time(at)} (${zone})`,
      ports.length > 0 ? rows : "None that is known.",
      ...(more > 0 ? [`And ${number(more)} more rows: --limit.`] : []),
      ...knownText(nodes, unlisted),
    ];
    return { text: text.join("\n\n"), found: ports.length > 0 };
  },
};

/** Where nobody tells of ports, nothing is known: that none is listed is no good news. */
function knownText({ known, reporting }: PortsAnswer["nodes"], unlisted: number): string[] {
  if (reporting === 0) return ["No node reported in the quarter of an hour before: nobody knows."];
  const few = `${number(known)} of ${number(reporting)} reporting nodes tell of ports.`;
  if (known === 0) return [`${few} Agents with CONNTRAIL_LEASES=off do not.`];
  return [`${few} What a node does not list has at most ${number(unlisted)} in use.`];
}

/** Who holds most of them, and which part. */
function largest({ shares: [first] }: Port): string {
  if (!first) return "";
  const { owner, source, share } = first;
  return `${owner ? qualified(owner.name, owner.namespace) : source} ${percent(share)}`;
}

import type * as z from "zod";
import type { Leases } from "../../attribution/schema.ts";
import { type Command, UsageError } from "../command.ts";
import { FLOW, LIMIT, parameters, RANGE, SCOPE, words } from "../options.ts";
import { number, table } from "../table.ts";
import { endpoint, qualified } from "../words.ts";

export const leases: Command<z.infer<typeof Leases>> = {
  name: "leases",
  does: "what a Pod or an address looked like from outside",
  usage: "--pod NAME [--namespace NAME] | --source ADDRESS [--at TIME | --since 1h]",
  notes: "Every address and port that stood for it towards somebody, the latest first.",
  options: {
    pod: { value: "NAME", says: "name of the owner: a Pod, host or container" },
    namespace: { value: "NAME", says: "its namespace" },
    source: { value: "ADDRESS", says: "address before it was translated" },
    at: { value: "TIME", says: "in force then, as --at of who" },
    tolerance: { value: "DURATION", says: "how far the clock of --at may be off, 0s to 5m (5s)" },
    ...RANGE,
    peer: { value: "ADDRESS[:PORT]", says: "towards this far end only" },
    protocol: FLOW.protocol,
    ...SCOPE,
    ...LIMIT,
  },
  question(given) {
    words(given, []);
    const { pod, source } = given.values;
    if ((pod === undefined) === (source === undefined)) throw new UsageError("give --pod or --source");
    return { path: `/v1/attribution/leases${parameters(given)}` };
  },
  show({ leases, more, from, to, nodes, reasons }, { time, zone, width }) {
    const rows = table(
      leases,
      [
        { title: "as", of: ({ natAddress, natPort }) => endpoint(natAddress, natPort) },
        { title: "towards", of: ({ peer, peerPort }) => endpoint(peer, peerPort) },
        { title: "protocol", of: ({ protocol }) => protocol, spare: 3 },
        { title: "opened", of: ({ opened }) => opened && time(opened) },
        { title: "closed", of: ({ closed }) => closed && time(closed) },
        { title: "last seen", of: ({ lastSeen }) => time(lastSeen), spare: 5 },
        { title: "source", of: ({ source, sourcePort }) => endpoint(source, sourcePort), spare: 4 },
        { title: "who", of: ({ owner }) => owner && qualified(owner.name, owner.namespace), spare: 1 },
        { title: "unsure", of: ({ reasons }) => reasons.map(({ code }) => code).join(" ") },
        { title: "node", of: ({ node }) => node, spare: 6 },
        { title: "cluster", of: ({ cluster }) => cluster, spare: 2 },
      ],
      width,
    );
    const unknown = nodes.filter(({ complete }) => !complete).length;
    const heading = `In force between ${time(from)} and ${time(to)} (${zone})`;
    const text = [
      `${heading}${leases.length === 0 ? ": none that is known." : `\n\n${rows}`}`,
      ...(more > 0 ? [`And ${number(more)} more: narrow it, or raise --limit.`] : []),
      ...(unknown > 0
        ? [`Of ${number(unknown)} of ${number(nodes.length)} nodes not all is known: there may be more.`]
        : []),
      ...unsure(leases),
      ...reasons.map(({ text }) => text),
    ];
    return { text: text.join("\n\n"), found: leases.length > 0 };
  },
};

/** Why somebody else may have had some of them, each reason once. */
const unsure = (leases: z.infer<typeof Leases>["leases"]): string[] => [
  ...new Set(leases.flatMap(({ reasons }) => reasons.map(({ code, text }) => `${code}: ${text}`))),
];

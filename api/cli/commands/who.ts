import type * as z from "zod";
import type { Attribution, Batch } from "../../attribution/schema.ts";
import { showAttribution } from "../attribution.ts";
import { showBatch } from "../batch.ts";
import { type Command, type Given, type Question, UsageError } from "../command.ts";
import { number } from "../table.ts";
import { parameters, words } from "../options.ts";
import { TIMES } from "../time.ts";

type Answer = z.infer<typeof Attribution> | z.infer<typeof Batch>;

export const who: Command<Answer> = {
  name: "who",
  does: "who was behind an address and port",
  usage:
    "ADDRESS[:PORT] [--peer ADDRESS[:PORT]] [--at TIME]\n       conntrail who --file PATH [--peer ADDRESS[:PORT]]",
  notes: `The address and port that a far end saw, such as 192.168.50.10:39510 or [fd00::9]:39510. Give that far end as --peer:
towards another one, another Pod may have the same port at the same time.

A file (- is stdin) holds many of them, up to 10,000 lines: a MySQL processlist, ss -tn, logs of nginx, HAProxy or PostgreSQL;
what ends in .json or .csv is read as such, or as --type says. A time in a line counts more than --at.

Of --at: ${TIMES}.`,
  options: {
    peer: { value: "ADDRESS[:PORT]", says: "the far end that saw it, as the node knows it" },
    at: { value: "TIME", says: "when it was seen (now)" },
    file: { value: "PATH", says: "ask about all lines of a file" },
    protocol: { value: "NAME", says: "tcp, udp, icmp, ... or a number (tcp); of icmp the port is the id" },
    tolerance: { value: "DURATION", says: "how far the clock of --at may be off, 0s to 5m (5s)" },
    cluster: { value: "NAME", says: "one cluster; all the token may read otherwise" },
    node: { value: "NAME", says: "one node" },
    type: { value: "TYPE", says: "of --file: text, csv or json (as its name ends)" },
    zone: { value: "+HH:MM", says: "of --file: how far times without a zone are ahead of UTC (+00:00)" },
    side: { value: "SIDE", says: "of --file: which end of a socket is meant, remote or local (remote)" },
  },
  question(given) {
    if (given.values["file"] !== undefined) return many(given, given.values["file"]);
    const ofFile = ["type", "zone", "side"].find((option) => given.values[option] !== undefined);
    if (ofFile !== undefined) throw new UsageError(`--${ofFile} goes with --file`);
    const [address = ""] = words(given, ["ADDRESS[:PORT]"]);
    return { path: `/v1/attribution${parameters(given, { address })}` };
  },
  show: (answer, page, given) =>
    "lines" in answer ? showBatch(answer, page, given) : showAttribution(answer, page, given),
};

async function many(given: Given, path: string): Promise<Question> {
  words(given, []);
  const { type, ...values } = given.values;
  if (type !== undefined && !(type in TYPES))
    throw new UsageError(`--type is one of ${Object.keys(TYPES).join(", ")}`);
  const text = await given.readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--file: ${path} cannot be read (${error.code ?? error.message})`);
  });
  const lines = text.trimEnd().split("\n").length;
  return {
    path: `/v1/attribution${parameters({ ...given, values })}`,
    body: { text, type: TYPES[type ?? typeOf(path)] ?? "" },
    waiting: `Asking about ${number(lines)} lines ...`,
  };
}

const TYPES: Readonly<Record<string, string>> = {
  text: "text/plain",
  csv: "text/csv",
  json: "application/json",
};

function typeOf(path: string): string {
  if (/\.json$/i.test(path)) return "json";
  return /\.csv$/i.test(path) ? "csv" : "text";
}

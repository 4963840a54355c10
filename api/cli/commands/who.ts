import type * as z from "zod";
import type { Attribution } from "../../attribution/schema.ts";
import { showAttribution } from "../attribution.ts";
import type { Command } from "../command.ts";
import { parameters, words } from "../options.ts";
import { TIMES } from "../time.ts";

export const who: Command<z.infer<typeof Attribution>> = {
  name: "who",
  does: "who was behind an address and port",
  usage: "ADDRESS[:PORT] [--peer ADDRESS[:PORT]] [--at TIME]",
  notes: `The address and port that a far end saw, such as 192.168.50.10:39510 or [fd00::9]:39510. Give that far end as --peer:
towards another one, another Pod may have the same port at the same time.

Of --at: ${TIMES}.`,
  options: {
    peer: { value: "ADDRESS[:PORT]", says: "the far end that saw it, as the node knows it" },
    at: { value: "TIME", says: "when it was seen (now)" },
    protocol: { value: "NAME", says: "tcp, udp, icmp, ... or a number (tcp); of icmp the port is the id" },
    tolerance: { value: "DURATION", says: "how far the clock of --at may be off, 0s to 5m (5s)" },
    cluster: { value: "NAME", says: "one cluster; all the token may read otherwise" },
    node: { value: "NAME", says: "one node" },
  },
  question(given) {
    const [address = ""] = words(given, ["ADDRESS[:PORT]"]);
    return { path: `/v1/attribution${parameters(given, { address })}` };
  },
  show: showAttribution,
};

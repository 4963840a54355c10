import type * as z from "zod";
import type { Reason } from "../attribution/schema.ts";

type Code = z.infer<typeof Reason>["code"];

/** What of the command line would tell more; the texts of reasons say what else is to do. */
const ADVICE: Partial<Record<Code, string>> = {
  "no-port": "ADDRESS:PORT",
  "no-peer": "--peer ADDRESS:PORT",
  "several-sources": "--peer ADDRESS:PORT, --at TIME, --tolerance 1s",
  "several-clusters": "--cluster NAME",
  "too-many-nodes": "--cluster NAME --node NAME",
  "in-the-future": "--at TIME, --utc",
  "address-unknown":
    "conntrail nodes CLUSTER lists the addresses of nodes; what a proxy or load balancer shows is its own",
  "no-reports": "conntrail nodes CLUSTER says whether its agent lives",
};

/** What to try about these, each thing once, in one line. */
export function adviceFor(reasons: readonly z.infer<typeof Reason>[]): string[] {
  const advice = new Set(reasons.flatMap(({ code }) => ADVICE[code] ?? []));
  return advice.size > 0 ? [`  Try: ${[...advice].join("; ")}`] : [];
}

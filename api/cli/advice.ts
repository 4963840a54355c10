import type * as z from "zod";
import type { Reason } from "../attribution/schema.ts";

type Code = z.infer<typeof Reason>["code"];

/** What whoever asked can do about it; nothing where that is up to nobody. */
const ADVICE: Partial<Record<Code, string>> = {
  "several-sources":
    "Say which far end saw it: --peer ADDRESS:PORT. A smaller --tolerance may tell apart what followed soon.",
  "several-clusters": "Say which cluster it was: --cluster NAME.",
  "too-many-nodes": "Say which node it was: --node NAME, and --cluster NAME.",
  "no-port": "Give the port that was seen with the address: ADDRESS:PORT.",
  "address-unknown":
    "Is it the address that the far end itself saw? conntrail nodes CLUSTER lists those of nodes; a proxy, load balancer or NAT gateway between has its own.",
  "no-reports": "See whether an agent runs there: conntrail nodes CLUSTER.",
  "not-reported-yet": "Ask again in a minute: an agent reports a window once it is over.",
  "leases-off": "Set CONNTRAIL_LEASES=full for the agents: it tells of all that begins from then on.",
  "beyond-retention": "Have the service keep more, for the next time: CONNTRAIL_KEEP_WINDOWS.",
  "in-the-future":
    "See --at, and the time zone: times without one are those of this machine, or UTC with --utc.",
  "not-in-conntrack": "Ask what translates addresses there.",
};

/** What to do about these, each thing once. */
export const adviceFor = (reasons: readonly z.infer<typeof Reason>[]): string[] => [
  ...new Set(reasons.flatMap(({ code }) => ADVICE[code] ?? [])),
];

import type * as z from "zod";
import type { Reason } from "../attribution/schema.ts";
import type { Given, Page } from "./command.ts";

type Reason = z.infer<typeof Reason>;
type Code = Reason["code"];
/** What the command line said. */
export type Said = Pick<Given, "values" | "clock">;

/** What of the command line would tell more; the texts of reasons say what else is to do. */
const ADVICE: Partial<Record<Code, readonly string[]>> = {
  "no-port": ["ADDRESS:PORT"],
  "no-peer": ["--peer ADDRESS:PORT"],
  "several-sources": ["--peer ADDRESS:PORT", "--at TIME", "--tolerance 1s"],
  "several-clusters": ["--cluster NAME"],
  "too-many-nodes": ["--cluster NAME", "--node NAME"],
  "in-the-future": ["--at TIME", "--utc"],
  "address-unknown": [
    "conntrail nodes CLUSTER lists the addresses of nodes; what a proxy or load balancer shows is its own",
  ],
  "no-reports": ["conntrail nodes CLUSTER says whether its agent lives"],
};

/** What to try about these, each thing once, in one line. */
export function adviceFor(reasons: readonly Reason[], { values }: Said): string[] {
  // A peer may have been given without its port.
  const isSaid = (code: Code, advice: string) =>
    code !== "no-peer" && values[/^--(\S+)/.exec(advice)?.[1] ?? ""] !== undefined;
  const advice = new Set(
    reasons.flatMap(({ code }) => (ADVICE[code] ?? []).filter((one) => !isSaid(code, one))),
  );
  return advice.size > 0 ? [`  Try: ${[...advice].join("; ")}`] : [];
}

/** Windows are half a minute, and their reports need some seconds: a minute later all of it is there. */
const REPORTED_MS = 60_000;

/** When to ask again where a node has yet to report, and how: without a time, the question would be another one then. */
export function askAgain(at: readonly string[], { clock }: Said, { time }: Page): string[] {
  if (at.length === 0) return [];
  const latest = Math.max(...at.map((one) => Date.parse(one)));
  const from = Math.max(latest + REPORTED_MS, clock.now + REPORTED_MS / 2);
  const [moment, ...others] = new Set(at);
  return [`  Ask again from ${time(from)} on${others.length === 0 ? `: --at ${moment}` : ""}`];
}

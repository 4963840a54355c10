import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../sources/source.ts";

/** What the kernel tells of the flows of this network namespace, by net.netfilter.nf_conntrack_events. */
export interface EventsMode {
  /**
   * off: nothing (0) · all: every flow (1) · listening: flows that began while somebody listened (2, the default since
   * Linux 5.19) · absent: the kernel has no events (CONFIG_NF_CONNTRACK_EVENTS) · unknown: the setting cannot be read.
   */
  readonly setting: "off" | "all" | "listening" | "absent" | "unknown";
  /** Whether it is worth listening. */
  readonly reported: boolean;
  /** What is not heard for it, one sentence each, for the report's completeness. */
  readonly blind: readonly string[];
}

const DUMPS_ONLY =
  "flows that begin and end between two readings of the table are not seen, and openings are a lower bound.";

const MODES: Record<EventsMode["setting"], EventsMode> = {
  off: {
    setting: "off",
    reported: false,
    blind: [
      `The kernel reports no events (net.netfilter.nf_conntrack_events=0): ${DUMPS_ONLY} Set it to 2 or 1; it holds for flows that begin afterwards.`,
    ],
  },
  absent: {
    setting: "absent",
    reported: false,
    blind: [
      `The kernel has no events of connection tracking (CONFIG_NF_CONNTRACK_EVENTS, and its module loaded, would give it net.netfilter.nf_conntrack_events): ${DUMPS_ONLY}`,
    ],
  },
  all: { setting: "all", reported: true, blind: [] },
  listening: {
    setting: "listening",
    reported: true,
    blind: [
      "The end of flows that began while nobody listened, as before the agent started, is not reported (net.netfilter.nf_conntrack_events=2). Set it to 1 to have every flow's, from those that begin afterwards on.",
    ],
  },
  unknown: {
    setting: "unknown",
    reported: true,
    blind: [
      "Whether the kernel reports events of every flow is not known: net.netfilter.nf_conntrack_events cannot be read.",
    ],
  },
};

const SETTINGS: Record<string, EventsMode["setting"]> = { "0": "off", "1": "all", "2": "listening" };

/** Reads the setting, which may change while the agent runs; `proc` is where procfs is mounted. Never throws. */
export async function eventsMode(proc = "/proc"): Promise<EventsMode> {
  const path = join(proc, "sys/net/netfilter/nf_conntrack_events");
  try {
    return MODES[SETTINGS[(await readFile(path, "utf8")).trim()] ?? "unknown"];
  } catch (error) {
    return MODES[errorCode(error) === "ENOENT" ? "absent" : "unknown"];
  }
}

import { say, type Part } from "./text.ts";
import type { Case, RuleWords } from "./words.ts";

const set = (code: string): Part => ({ code });

const FLEET: Case = {
  meaning:
    "The same measure rises on many nodes together, on each of them too little for an alarm of its own.",
  advice: ({ opened, top }) => [
    say`Look for what they share: a deployment, a service they all call, DNS, the network`,
    say`See who grew: ${top}, and who opens most: ${opened}`,
  ],
};

/** Of rules about what watches, and about nodes against each other. */
export const WATCH_RULES: Readonly<Record<string, RuleWords>> = {
  "settings-drift": {
    title: "A node is set otherwise than the others",
    meaning: "A setting of the connection tracking differs from what nearly all nodes of the cluster have.",
    advice: ({ nodes }) => [
      say`Set it as the others are, or let the tool that configures nodes do so; compare with ${set("GET /v1/sysctls")}`,
      say`See the nodes: ${nodes}`,
    ],
  },
  "silent-node": {
    title: "No reports",
    meaning:
      "The agent sends no reports: what happens there is not known. The node may be down, or only its agent or the way to this service.",
    advice: ({ nodes }) => [
      say`Is the node up? Then look at its agent: ${set("kubectl -n conntrail logs -l app.kubernetes.io/name=conntrail-agent")}, or ${set("journalctl -u conntrail-agent")}`,
      say`If many are silent at once, look at the network and this service: ${nodes}`,
      say`If the node is gone on purpose, retire it: ${set("POST /v1/clusters/CLUSTER/nodes/NODE/retire")}`,
    ],
    causes: {
      "ingest-or-network": {
        title: "Many nodes send no reports",
        meaning:
          "Many nodes fell silent at the same time: more likely this service or the network between than each of them.",
        advice: ({ nodes }) => [
          say`Look at what stands between: DNS, proxy, firewall, certificates, the tokens of the agents`,
          say`See which nodes still report: ${nodes}`,
        ],
      },
    },
  },
  "blind-agent": {
    title: "The agent sees nothing",
    meaning:
      "Reports come, but they say nothing of the connection table any more: other rules cannot see trouble on this node.",
    advice: () => [
      say`Look at the agent's log on the node; it says what it cannot read and what it needs (CAP_NET_ADMIN in the host's network namespace)`,
      say`Was the ${set("nf_conntrack")} module reloaded, or the agent's manifest changed?`,
    ],
    causes: {
      "no-source": {
        title: "The agent can no longer read the table",
        meaning:
          "Reports come, but the agent reads the connection table no more, as it did before: who uses it is not known.",
        advice: () => [
          say`Look at the log of the agent on the node: it says what it cannot read`,
          say`It needs CAP_NET_ADMIN in the network namespace of the host; was its manifest changed?`,
        ],
      },
      "empty-table": {
        title: "The agent sees an empty table",
        meaning:
          "The agent reads no entries at all where there were some before: it may look into another network namespace than the host has.",
        advice: () => [
          say`Does the agent still run in the network namespace of the host (${set("hostNetwork: true")})?`,
          say`Are there still rules of a firewall or NAT on the node? Without any, the kernel tracks nothing`,
        ],
      },
      frozen: {
        title: "The numbers of the agent do not change",
        meaning:
          "All counters have stood still for several windows: what is reported may be old, and other rules see no trouble there.",
        advice: () => [
          say`Restart the agent of the node`,
          say`Look at its log: what does it read, and from where?`,
        ],
      },
      "stale-dump": {
        title: "The agent has not read the table for long",
        meaning:
          "Counts still come, but the last reading of the entries is old: who fills the table now is not known.",
        advice: () => [
          say`The table may be too large for the CPU the agent may use: raise ${set("CONNTRAIL_CPU_BUDGET")}`,
          say`Look at the log of the agent: what became of its last dump?`,
        ],
      },
      lossy: {
        title: "The agent loses events",
        meaning:
          "The kernel has thrown away events for long because the agent did not take them in time: what opened and closed is counted too low.",
        advice: ({ opened }) => [
          say`Does the node have CPU left for the agent? Raise its limit`,
          say`See who opens so many connections: ${opened}`,
        ],
      },
    },
  },
  "fleet-shift": {
    title: "Many nodes change at once",
    ...FLEET,
    causes: {
      count: { ...FLEET, title: "More entries on many nodes at once" },
      opened: { ...FLEET, title: "More new connections on many nodes at once" },
      halfOpen: { ...FLEET, title: "More unanswered connections on many nodes at once" },
      closeWait: { ...FLEET, title: "More connections in CLOSE_WAIT on many nodes at once" },
      invalid: { ...FLEET, title: "More invalid packets on many nodes at once" },
      insertFailed: { ...FLEET, title: "More failed inserts on many nodes at once" },
    },
  },
};

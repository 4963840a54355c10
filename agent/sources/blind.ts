/** What no source sees, one sentence each, for the report's completeness. */
export const BLIND = [
  "Flows that bypass the kernel's connection tracking are not in the table: NOTRACK rules, and eBPF datapaths such as Cilium's with its own NAT.",
  "Only the network namespace of the agent is read: what other namespaces track for themselves is not seen.",
];

/** What is lost where the table comes as text. */
export const TEXT_BLIND = [...BLIND, "Flows that a flowtable offloads do not show whether they are assured."];

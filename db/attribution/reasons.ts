import type { Reason } from "./answer.ts";

const SENTENCES: Readonly<Record<Reason, string>> = {
  "opened-unknown":
    "The flow began before anybody watched, so it may be left over from an earlier holder of the source address.",
  "events-incomplete": "Not every beginning and end of a lease around that time is known.",
  "not-reported-yet": "The node has not reported the whole of that time yet: ask again in a minute.",
  "seen-only-before": "It was in force before that time, and nobody saw whether it still was.",
  "seen-only-after":
    "It was seen in force only after that time: if the asker's clock may be off, give a larger tolerance.",
  "seen-before-and-after": "It was in force before and after that time, but nobody saw whether it was then.",
  "closed-before":
    "It had ended before that time and nobody took the port since: a peer may keep a connection that the node has forgotten.",
  "owner-unknown":
    "Nobody says who held the source address when the flow began, though others held it at other times.",
  "owner-gap":
    "When the flow began, the source address was only just given to its holder, or just taken from it.",
  "owner-changed":
    "The source address changed hands, and nobody can tell whether before or after the flow began.",
  "owner-not-confirmed": "No later report confirms yet who held the source address then.",
  "elsewhere-incomplete":
    "Another node has, or may have, the address as well, and not all that happened there is known.",
  "no-port": "No port was given: every lease of the address fits.",
  "no-peer":
    "The peer and its port were not both given: a process of the node itself may use the same port towards another peer.",
  "no-lease": "No lease has that port: it is the node's own traffic, or what was seen there is not NAT.",
  "several-sources":
    "Several sources fit: give the peer and its port, the exact time, or a smaller tolerance.",
  "several-clusters": "Several clusters have, or may have, that address: name the cluster.",
  "too-many-nodes": "More nodes have that address than are asked: name the node.",
  "too-many-leases":
    "More leases fit than are looked through: give the port, and the peer and its port, or a shorter time.",
  "address-unknown": "No node had, or translated to, that address at that time, and nobody held it.",
  "no-reports":
    "The node sent no report about that time: its agent was not there yet or was down, or its reports are still on their way.",
  "leases-off": "The agent of the node does not report leases: see CONNTRAIL_LEASES.",
  "beyond-retention": "The windows of that time are no longer kept: see CONNTRAIL_KEEP_WINDOWS.",
  "in-the-future": "That time has not come yet: check the clock and the time zone.",
  "not-in-conntrack":
    "The node translates some of its traffic outside conntrack, as Cilium does in BPF, and nothing of that is seen.",
};

/** One sentence for people. */
export const explain = (reason: Reason): string => SENTENCES[reason];

import { say, type Part, type Text } from "./text.ts";
import { megabytes } from "./units.ts";
import { WATCH_RULES } from "./en-watch.ts";
import type { Ask, Case, RuleWords } from "./words.ts";

const set = (code: string): Part => ({ code });
const MAX = set("nf_conntrack_max");

/** Names what it costs, where the limit is known. */
const raise = ({ max }: Ask): Text =>
  max === undefined
    ? say`Room at once: raise ${MAX}, and ${set("nf_conntrack_buckets")} to a quarter of it (about 320 bytes of kernel memory an entry)`
    : say`Room at once: ${set(`sysctl -w net.netfilter.nf_conntrack_max=${2 * max}`)} doubles the limit for about ${megabytes(max)} MB of kernel memory; set ${set("nf_conntrack_buckets")} to a quarter of it`;

const TABLE_FULL: Case = {
  meaning:
    "The connection table is full: the kernel drops packets that would open a connection, of every Pod on the node.",
  advice: (ask) => [
    raise(ask),
    say`Find who fills it, and limit or move that workload: ${ask.top}`,
    say`If most entries are closed connections, shorten ${set("nf_conntrack_tcp_timeout_time_wait")}`,
  ],
};

const PORTS: Case = {
  meaning:
    "NAT ports towards one peer run out: new connections of Pods to it fail or hang, while those to others work. The table itself has room.",
  advice: ({ ports }) => [
    say`See whose ports they are: ${ports}`,
    say`Let that workload reuse connections (keep-alive, a pool), or spread it over more nodes`,
    say`Add NAT addresses, or let the peer be reached without NAT; more ${MAX} does not help`,
  ],
};

const FLOOD_ADVICE: Case["advice"] = ({ flows, opened }) => [
  say`See whom it talks to: ${flows}, and how fast: ${opened}`,
  say`Scale it out over more nodes, let it reuse connections, or limit it; if it runs wild, restart or stop it`,
  say`If this is how it has to be, silence it or raise the rule's threshold for this cluster`,
];

export const RULES: Readonly<Record<string, RuleWords>> = {
  "pod-flood": {
    title: "One source floods the connection table",
    meaning: "One owner takes so much of the node's connection table that others may soon find no room.",
    advice: FLOOD_ADVICE,
    causes: {
      openings: {
        title: "One source floods the node with new connections",
        meaning:
          "One owner opens connections so fast that they may soon fill the node's connection table or its NAT ports.",
        advice: FLOOD_ADVICE,
      },
    },
  },
  "table-pressure": {
    title: "Connection table nearly full",
    meaning: "When the table is full, the kernel drops new connections of every Pod on the node.",
    advice: (ask) => [say`Find who fills it, and limit or move that workload: ${ask.top}`, raise(ask)],
  },
  "time-to-full": {
    title: "Connection table will soon be full",
    meaning: "The table grows so that it will be full in the time shown, if it goes on like this.",
    advice: (ask) => [
      say`Find who grows, often a leak of connections: ${ask.top}`,
      say`Restarting the workload that leaks gives its entries back only once they time out`,
      raise(ask),
    ],
  },
  drops: {
    title: "Connections are dropped",
    meaning: "The kernel drops packets because it cannot track their connections.",
    advice: (ask) => [say`See who opens connections: ${ask.opened}`, raise(ask)],
    causes: {
      "table-full": { ...TABLE_FULL, title: "Connections are dropped, the table is full" },
      "ports-exhausted": { ...PORTS, title: "Connections are dropped, NAT ports are exhausted" },
      "chain-too-long": {
        title: "Connections are dropped, hash chains are too long",
        meaning:
          "Too many entries share one hash chain of the table, so that new ones are refused though it has room.",
        advice: ({ top }) => [
          say`Raise ${set("nf_conntrack_buckets")}, to a quarter of ${MAX} at least`,
          say`Many flows with nearly the same addresses and ports do this: ${top}`,
        ],
      },
      clash: {
        title: "Entries clash while they are inserted",
        meaning:
          "Two packets of one new flow raced for the same entry, mostly DNS asking for A and AAAA at once. A few are harmless; so many cost lookups that time out.",
        advice: ({ opened }) => [
          say`Use NodeLocal DNSCache, or ${set("single-request-reopen")} in the Pods' resolv.conf`,
          say`See who opens most: ${opened}`,
        ],
      },
      "early-drop": {
        title: "The kernel evicts entries early",
        meaning:
          "The table is so full that the kernel throws out connections it takes for idle, to make room for new ones.",
        advice: TABLE_FULL.advice,
      },
    },
  },
  ports: { ...PORTS, title: "NAT ports run out" },
  "half-open": {
    title: "Many connections get no answer",
    meaning: "Far more connections than usual are opened and not answered.",
    advice: ({ unreplied }) => [say`See whose they are, and to where: ${unreplied}`],
    causes: {
      "destination-down": {
        title: "A destination does not answer",
        meaning:
          "Most unanswered connections go to one destination: it is down, overloaded, or a firewall drops them.",
        advice: ({ unreplied }) => [
          say`Check that destination, and what stands before it (load balancer, firewall)`,
          say`See who waits for it: ${unreplied}`,
        ],
      },
      scan: {
        title: "One source tries many destinations",
        meaning:
          "One source opens connections to many destinations that do not answer: a scan, or a list of peers that is out of date.",
        advice: ({ unreplied }) => [
          say`Find out what that source is, and stop it if nobody knows: ${unreplied}`,
          say`A NetworkPolicy for what may leave keeps it off`,
        ],
      },
    },
  },
  "close-wait": {
    title: "Connections pile up in CLOSE_WAIT",
    meaning:
      "The far end closed these connections, the application on this side has not: it leaks them, and sooner or later file descriptors.",
    advice: ({ top }) => [
      say`Find the application, and restart it to gain time: ${top}`,
      say`In it, look for responses or pooled connections that are never closed`,
    ],
  },
  "idle-established": {
    title: "Idle connections pile up",
    meaning:
      "Ever more established connections say nothing for an hour or longer and still take room in the table.",
    advice: ({ top }) => [
      say`Find who holds them: ${top}; a pool without an upper bound or an idle timeout does this`,
      say`Shorten ${set("nf_conntrack_tcp_timeout_established")} (5 days by default; kube-proxy sets 1 day)`,
    ],
  },
  invalid: {
    title: "Many invalid packets",
    meaning:
      "Far more packets than usual fit no connection: asymmetric routes, late retransmissions, or a flood from outside.",
    advice: ({ top }) => [
      say`Look for what changed in routing or at the network cards (offloads), and for packets that take another way back`,
      say`To let late packets of known connections pass: ${set("nf_conntrack_tcp_be_liberal")} = 1`,
      say`See who talks: ${top}`,
    ],
  },
  ...WATCH_RULES,
};

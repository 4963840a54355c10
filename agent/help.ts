import { NEEDED_NODE, VERSION } from "./version.ts";

/** How the sources are called. */
export const SOURCES = "node agent/main.ts";

/** @param program how whoever reads this calls the agent, such as `SOURCES` */
export const help = (
  program: string,
) => `Conntrail agent ${VERSION}: reads this node's connection tracking table and reports it.

Usage
  ${program}                 report every window to a Conntrail API until stopped
  ${program} --once          read once and print it for a person; needs no server
  ${program} --once --json   the report of this one reading as JSON, without events and owners
  ${program} who ADDRESS:PORT   who is behind that now, out of the live table; needs no server (who --help)

Needs ${NEEDED_NODE}${program === SOURCES ? "; npm ci brings one as node_modules/.bin/node" : ""}.

Options
  --once        read one window, print, exit
  --json        with --once: the report as JSON
  -h, --help    this text
  --version     the version

Environment
  CONNTRAIL_URL          address of the API, such as https://conntrail.example.com
  CONNTRAIL_TOKEN        token with scope ingest; it names the cluster this node belongs to
  CONNTRAIL_NODE         name of this node; in Kubernetes its name there (default: the host name)
  CONNTRAIL_INTERVAL     length of a window, 5s to 300s, such as 30s or 2m (default: 30s)
  CONNTRAIL_SPOOL        folder in which reports wait for the server (default: none, they wait in memory)
  CONNTRAIL_SOURCE       auto, netlink, procfs or conntrack (default: auto, the first of these that works here)
  CONNTRAIL_EVENTS       on, off, or updates: also changes of state, which tell of flows whose beginning was
                         lost, at ten times the events (default: on)
  CONNTRAIL_CPU_BUDGET   part of one core that reading the whole table may take, 0.1% to 100% (default: 2%)
  CONNTRAIL_LEASES       full, keyframes or off: every NAT mapping as it begins and ends, a full list every
                         ten minutes, or none (default: full)
  CONNTRAIL_OWNERS       auto, kubernetes, docker, none, or file:PATH to a JSON or YAML map of address to name
                         (default: auto, Kubernetes or Docker where they are)

The whole table is read with CAP_NET_ADMIN in the network namespace of the host (netlink, conntrack) or as root of its
user namespace (procfs). Without either, the agent reports how full the table is, says why it sees no more, and goes on.
Reading /dev/kmsg, for what the kernel says of a full table, may need CAP_SYSLOG too (sysctl kernel.dmesg_restrict).

Exit codes
  0   done, or stopped by SIGTERM or SIGINT; what could not be handed over waits in the spool
  2   wrong options or configuration, or another agent uses the same spool
  3   the table cannot be read here; the reasons are printed (of --once: also when only its fill can be told)
`;

/** @param program as of `help` */
export const whoHelp = (
  program: string,
) => `Usage: ${program} who ADDRESS[:PORT] [--peer ADDRESS[:PORT]] [--protocol NAME] [--json]

Reads this node's connection tracking table once, and says who is behind the address and port that a far end sees now.
What has ended is no longer there: the server knows that (conntrail who ... --at TIME).

  --peer ADDRESS[:PORT]   the far end that sees it
  --protocol NAME         tcp, udp, icmp, ... or a number (tcp); of icmp the port is the id
  --json                  the answer in the words of GET /v1/attribution
  -h, --help              this text

Needs to be root in the network namespace of the host, or CAP_NET_ADMIN there. Owners come from where CONNTRAIL_OWNERS says, the
source is CONNTRAIL_SOURCE, and the name of this node CONNTRAIL_NODE, all as for reports.

Exit codes
  0   found
  1   nobody, or nobody can know
  2   wrong options or configuration
  3   the table cannot be read here; the reasons are printed
`;

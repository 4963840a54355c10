import { VERSION } from "./version.ts";

export const HELP = `Conntrail agent ${VERSION}: reads this node's connection tracking table and reports it.

Usage
  node agent/main.ts              report every window to a Conntrail API until stopped
  node agent/main.ts --once       read once and print it for a person; needs no server
  node agent/main.ts --once --json
                                  read once and print exactly the report that would be sent

Needs Node 22.18 or newer; npm ci brings one as node_modules/.bin/node.

Options
  --once        read one window, print, exit
  --json        with --once: the report as JSON
  -h, --help    this text
  --version     the version

Environment
  CONNTRAIL_URL        address of the API, such as https://conntrail.example.com
  CONNTRAIL_TOKEN      token with scope ingest; it names the cluster this node belongs to
  CONNTRAIL_NODE       name of this node (default: the host name)
  CONNTRAIL_INTERVAL   length of a window, 5s to 300s, such as 30s or 2m (default: 30s)
  CONNTRAIL_SOURCE     auto, netlink, procfs or conntrack (default: auto, the first of these that works here)

The whole table is read with CAP_NET_ADMIN in the network namespace of the host (netlink, conntrack) or as root of its
user namespace (procfs). Without either, the agent reports how full the table is, says why it sees no more, and goes on.

Exit codes
  0   done, or stopped by SIGTERM or SIGINT after handing over what was left
  2   wrong options or configuration
  3   the table cannot be read here; the reasons are printed (of --once: also when only its fill can be told)
`;

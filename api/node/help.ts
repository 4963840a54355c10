export const HELP = `Usage: node api/node.ts [--with-agent]

Takes the reports of agents and answers questions about them, over HTTP.
Needs Node 22.18 or newer; npm ci brings one as node_modules/.bin/node.

  --with-agent   also run the agent of this machine, as cluster "local", and keep a token of scope read beside
                 the database, by which conntrail asks on this machine
  -h, --help     this text

Environment:
  CONNTRAIL_HOST             address to listen on (127.0.0.1)
  CONNTRAIL_PORT             port to listen on (8787)
  CONNTRAIL_DATABASE_URL     SQLite file, or a libSQL server (file:data/conntrail.db)
  CONNTRAIL_DATABASE_TOKEN   token of the libSQL server
  CONNTRAIL_ADMIN_TOKEN      admin token of 32 characters or more; without it one is made at the
                             first start, shown once and kept as a hash
  CONNTRAIL_TICK             how often what came is folded and what is old deleted, 1s to 10m (10s)
  CONNTRAIL_KEEP_WINDOWS     how long windows of nodes are kept (72h)
  CONNTRAIL_KEEP_MINUTES     minutes of clusters (48h)
  CONNTRAIL_KEEP_TEN_MINUTES ten minutes of nodes and clusters (14d)
  CONNTRAIL_KEEP_HOURS       hours of nodes and clusters (400d)
  CONNTRAIL_KEEP_DAYS        days of nodes and clusters (400d)
  CONNTRAIL_PUBLIC_URL       where people find this service, for links in messages
  CONNTRAIL_WEBHOOK_HOSTS    hosts that channels may post to beside those of the chat providers, separated
                             by commas: host, host:port or .suffix
  CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS
                             1: these hosts may be in private networks and speak plain http
  CONNTRAIL_SECRET_KEY       seals addresses and secrets of channels: 32 bytes in base64; without it one is
                             made beside the database (secret.key)

With --with-agent, the agent gets CONNTRAIL_URL and CONNTRAIL_TOKEN unless they are set, and all of
the environment that is not listed here (see node agent/main.ts --help).

Exit codes: 0 stopped by a signal, 1 could not start, 2 wrong options or configuration.`;

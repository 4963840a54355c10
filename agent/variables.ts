const PREFIX = "CONNTRAIL_";

const OWN = "URL TOKEN NODE INTERVAL SPOOL SOURCE EVENTS CPU_BUDGET LEASES OWNERS";
/** Of the service, which starts the agent of its own machine with all it was started with (api/node/config.ts). */
const OF_THE_SERVICE = "HOST PORT DATABASE_URL DATABASE_TOKEN ADMIN_TOKEN";
const KNOWN = new Set(`${OWN} ${OF_THE_SERVICE}`.split(" ").map((name) => PREFIX + name));

/** What Kubernetes tells every container of a Service whose name begins with "conntrail" (makeLinkVariables, envvars.go). */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

/** Variables that look like settings of ours and are none: misspelt, most likely. */
export const unknownVariables = (env: Readonly<Record<string, string | undefined>>): string[] =>
  Object.keys(env).filter((name) => name.startsWith(PREFIX) && !KNOWN.has(name) && !SERVICE_LINK.test(name));

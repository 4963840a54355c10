/** Where the operator of the service lets it send beside the hosts of the chat providers. */
export type HostPolicy = {
  /** Hosts, `host:port`, or suffixes that begin with a dot; in lower case. */
  allowed: readonly string[];
  /** Whether these may be at addresses that are not of the public internet, and speak plain http. */
  allowPrivate: boolean;
};

export const NO_HOSTS: HostPolicy = { allowed: [], allowPrivate: false };

/** Longest address of a channel; those of Teams have some 400 characters. */
export const MAX_URL = 2_048;
const HOST = /^\.?([a-z0-9_-]+\.)*[a-z0-9_-]+(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/;

/** What CONNTRAIL_WEBHOOK_HOSTS lists, or what is wrong with it. */
export function readHosts(text: string): { hosts: string[] } | { complaint: string } {
  const hosts = text
    .split(",")
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== "");
  const wrong = hosts.find((host) => !HOST.test(host));
  if (wrong === undefined) return { hosts };
  return { complaint: `"${wrong}" is no host; give host, host:port or .suffix, separated by commas` };
}

export type Checked = { url: URL; private: boolean } | { complaint: string };

/**
 * The address of a channel, if messages may go there: to a host of its provider by https at port 443, or to one that the operator
 * allows. `private`: addresses that are not of the public internet will do. The complaint says what to do and never repeats the
 * address, which is a secret.
 */
export function checkUrl(text: string, providerHosts: readonly string[], policy: HostPolicy): Checked {
  if (text.length > MAX_URL) return { complaint: `an address has at most ${MAX_URL} characters` };
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    return { complaint: "give an address that begins with https://" };
  if (url.username !== "" || url.password !== "")
    return { complaint: "no user and password in the address, please: give them as username and secret" };
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const isAllowed = policy.allowed.some((allowed) => fits(url.hostname, port, allowed));
  return isAllowed ? ofOperator(url, policy) : ofProvider(url, providerHosts);
}

function ofOperator(url: URL, { allowPrivate }: HostPolicy): Checked {
  if (url.protocol === "https:" || allowPrivate) return { url, private: allowPrivate };
  return { complaint: "plain http needs CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS=1; give an https address" };
}

function ofProvider(url: URL, providerHosts: readonly string[]): Checked {
  if (!providerHosts.some((host) => fits(url.hostname, "443", host)))
    return { complaint: `${notAllowed(providerHosts)} CONNTRAIL_WEBHOOK_HOSTS` };
  // Of https, 443 is left out of a parsed address.
  if (url.protocol === "https:" && url.port === "") return { url, private: false };
  return { complaint: "hosts of the provider are spoken to by https at port 443 only" };
}

const notAllowed = (providerHosts: readonly string[]) =>
  providerHosts.length > 0
    ? `this kind is at ${providerHosts.join(", ")}; for another host the operator of the service must list it in`
    : "the operator of the service must list the host in";

/** Whether an address is at a host of its provider, not at one of the operator's own. */
export function isOfProvider(text: string, providerHosts: readonly string[]): boolean {
  const host = URL.parse(text)?.hostname;
  return host !== undefined && providerHosts.some((one) => fits(host, "443", one));
}

/** `allowed` without a port stands for all ports. */
function fits(host: string, port: string, allowed: string): boolean {
  const [, name = "", wanted] = /^(.*?)(?::(\d+))?$/.exec(unbracketed(allowed)) ?? [];
  if (wanted !== undefined && wanted !== port) return false;
  // A name may end in the dot of the root, which means the same.
  const asked = unbracketed(host.toLowerCase()).replace(/\.$/, "");
  return name.startsWith(".") ? asked.endsWith(name) && asked.length > name.length : asked === name;
}

/** The colons of IPv6 are not those of a port. */
const unbracketed = (host: string) =>
  host.replace(/^\[(.*)\]/, (_, address: string) => address.replaceAll(":", "_"));

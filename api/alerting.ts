import { type HostPolicy, readHosts } from "./alerts/hosts.ts";
import { KEY_BYTES, readKey } from "./alerts/sealed.ts";

/** What the environment says of alerts, on any runtime. */
export type Alerting = {
  /** Where people find this service, for links in messages: without a slash at its end. */
  publicUrl?: string | undefined;
  hosts: HostPolicy;
  /** Seals addresses and secrets of channels. */
  secretKey?: Uint8Array | undefined;
};

export type AlertingVariables = {
  CONNTRAIL_PUBLIC_URL?: string | undefined;
  CONNTRAIL_WEBHOOK_HOSTS?: string | undefined;
  CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS?: string | undefined;
  CONNTRAIL_SECRET_KEY?: string | undefined;
};

const YES = new Set(["1", "true", "yes"]);
const NO = new Set(["", "0", "false", "no"]);

/** What is not set has its default; what is wrong is complained of. Never shows the key, not even a wrong one. */
export function loadAlerting(env: AlertingVariables, complain: (complaint: string) => void): Alerting {
  return {
    publicUrl: publicUrl(env.CONNTRAIL_PUBLIC_URL ?? "", complain),
    hosts: {
      allowed: hosts(env.CONNTRAIL_WEBHOOK_HOSTS ?? "", complain),
      allowPrivate: allowPrivate(env.CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS ?? "", complain),
    },
    secretKey: secretKey(env.CONNTRAIL_SECRET_KEY ?? "", complain),
  };
}

function publicUrl(text: string, complain: (complaint: string) => void): string | undefined {
  if (text === "") return undefined;
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && url.username === "")
    return url.href.replace(/\/+$/, "");
  complain(
    `CONNTRAIL_PUBLIC_URL is "${text}"; give the address of this service, such as https://conntrail.example.com`,
  );
  return undefined;
}

function hosts(text: string, complain: (complaint: string) => void): readonly string[] {
  const read = readHosts(text);
  if ("hosts" in read) return read.hosts;
  complain(`CONNTRAIL_WEBHOOK_HOSTS: ${read.complaint}`);
  return [];
}

function allowPrivate(text: string, complain: (complaint: string) => void): boolean {
  const word = text.toLowerCase();
  if (!YES.has(word) && !NO.has(word))
    complain(`CONNTRAIL_ALLOW_PRIVATE_WEBHOOKS is "${text}"; give 1 or leave it unset`);
  return YES.has(word);
}

function secretKey(text: string, complain: (complaint: string) => void): Uint8Array | undefined {
  if (text === "") return undefined;
  const key = readKey(text);
  if (!key)
    complain(
      `CONNTRAIL_SECRET_KEY must be ${KEY_BYTES} bytes in base64: openssl rand -base64 ${KEY_BYTES} makes one`,
    );
  return key;
}

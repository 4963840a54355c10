import type * as z from "zod";
import { checkUrl } from "./hosts.ts";
import type { HostPolicy } from "./hosts.ts";
import type { Provider, Target } from "./provider.ts";

/** Characters of a secret that are shown, and how many there must be so that these tell nothing. */
const SHOWN = 4;
const HIDDEN = 8;

export type Checked = { target: Target } | { issues: readonly z.core.$ZodIssue[] };

/** The target of a new or changed channel, if messages may go there; else what to mend. */
export function checkTarget(provider: Provider, given: unknown, policy: HostPolicy): Checked {
  const parsed = provider.target.safeParse(given);
  if (!parsed.success) return { issues: parsed.error.issues };
  const checked = checkUrl(parsed.data.url, provider.hosts, policy);
  if (!("complaint" in checked)) return { target: parsed.data };
  return { issues: [{ code: "custom", path: ["url"], message: checked.complaint }] };
}

/** What may be shown of it: the host, and the last characters of what must not. */
export function shownOf({ url, secret, chatId }: Target): string {
  const { host, pathname, search } = new URL(url);
  const hidden = secret !== undefined && pathname.length <= HIDDEN ? secret : `${pathname}${search}`;
  const last = hidden.length >= SHOWN + HIDDEN ? ` …${hidden.slice(-SHOWN)}` : "";
  return `${host}${last}${chatId === undefined ? "" : ` (${chatId})`}`;
}

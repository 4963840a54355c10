import type * as z from "zod";
import type { AttributionOwner } from "../attribution/schema.ts";

type Owner = z.infer<typeof AttributionOwner>;

const KINDS: Record<string, string> = {
  pod: "Pod",
  host: "host",
  service: "Service",
  container: "container",
  external: "",
};

/** `shop/web-1`: what it is called where names are copied. */
export const qualified = (name: string, namespace: string | null | undefined): string =>
  namespace ? `${namespace}/${name}` : name;

/** `Pod shop/web-1 of Deployment web`. */
export function ownerText({ kind, namespace, name, workloadKind, workload }: Owner): string {
  const owner = `${KINDS[kind] ?? kind} ${qualified(name, namespace)}`.trim();
  return workload ? `${owner} of ${workloadText(workloadKind, workload)}` : owner;
}

export const workloadText = (kind: string | null | undefined, workload: string | null | undefined): string =>
  workload ? `${kind ?? ""} ${workload}`.trim() : "";

/** `10.0.0.9:3306` or `[fd00::9]:3306`; the address alone without a port. */
export function endpoint(address: string, port: string | number | null | undefined): string {
  if (port === null || port === undefined || port === 0 || port === "") return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

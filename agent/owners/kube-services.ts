import { instantAt, listAt, textAt } from "./kube-object.ts";
import type { Claimed } from "./kube-pods.ts";
import type { Owner } from "./owner.ts";

/** The addresses of a Service; none where it is headless. A load balancer's address comes later, nobody says when. */
export function readService(service: unknown): Claimed | undefined {
  const uid = textAt(service, "metadata", "uid");
  const name = textAt(service, "metadata", "name");
  const namespace = textAt(service, "metadata", "namespace");
  if (!uid || !name || !namespace) return undefined;
  const owner: Owner = { kind: "service", name, namespace, uid };
  const since = instantAt(service, "metadata", "creationTimestamp");
  const several = texts(listAt(service, "spec", "clusterIPs"));
  const inside = several.length > 0 ? several : texts([textAt(service, "spec", "clusterIP")]);
  const outside = [
    ...texts(listAt(service, "spec", "externalIPs")),
    ...listAt(service, "status", "loadBalancer", "ingress").flatMap((entry) => textAt(entry, "ip") ?? []),
  ];
  return {
    uid,
    claims: [
      ...inside
        .filter((address) => address !== "None")
        .map((address) => ({ address, owner, ...(since !== undefined && { since }) })),
      ...outside.map((address) => ({ address, owner })),
    ],
  };
}

const texts = (values: readonly unknown[]): string[] =>
  values.filter((value): value is string => typeof value === "string" && value !== "");

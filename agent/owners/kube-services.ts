import { identityOf, instantAt, listAt, textAt } from "./kube-object.ts";
import type { Claimed } from "./kube-pods.ts";
import type { Owner } from "./owner.ts";

/** The addresses of a Service; none where it is headless. A load balancer's address comes later, nobody says when. */
export function readService(service: unknown): Claimed | undefined {
  const identity = identityOf(service);
  if (!identity) return undefined;
  const owner: Owner = { kind: "service", ...identity };
  const since = instantAt(service, "metadata", "creationTimestamp");
  const several = texts(listAt(service, "spec", "clusterIPs"));
  const inside = several.length > 0 ? several : texts([textAt(service, "spec", "clusterIP")]);
  const outside = [
    ...texts(listAt(service, "spec", "externalIPs")),
    ...listAt(service, "status", "loadBalancer", "ingress").flatMap((entry) => textAt(entry, "ip") ?? []),
  ];
  return {
    uid: identity.uid,
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

import * as fc from "fast-check";
import { describe, test } from "vitest";
import { readPod } from "../../../agent/owners/kube-pods.ts";
import { readService } from "../../../agent/owners/kube-services.ts";
import { aPod, aService, containers, running, terminated } from "../../support/kube-objects.ts";

const T = Date.parse("2026-11-21T08:00:00Z");
const at = (second: number) => new Date(T + second * 1000).toISOString();
const ready = (status: string, second: number) => ({
  conditions: [{ type: "PodReadyToStartContainers", status, lastTransitionTime: at(second) }],
});

describe("a Pod holds its address since", () => {
  test.for([
    ["it was taken up, where nothing else is known", {}, undefined, 0],
    ["it was seen in a watch", {}, 9, 9],
    ["its sandbox was ready", ready("True", 3), 9, 3],
    ["not a sandbox that is gone", ready("False", 3), undefined, 0],
    ["its first container started", containers({ state: running(at(4)) }, { state: running(at(5)) }), 9, 4],
    ["a container that ended started", containers({ state: terminated(at(2), at(3)) }), 9, 2],
    [
      "not the start of one started again",
      containers({ state: running(at(50)), restartCount: 1 }),
      undefined,
      0,
    ],
    ["never before it was taken up", containers({ state: running(at(-5)) }), undefined, 0],
  ] as const)("%s", ([, status, watched, second], { expect }) => {
    const sighting = { node: "node-1", ...(watched !== undefined && { watchedAt: T + watched * 1000 }) };
    expect(readPod(aPod({ status }), sighting)?.claims[0]?.since).toBe(T + second * 1000);
  });
});

describe("what made a Pod", () => {
  const made = (kind: string, name: string, labels: object = {}) => {
    const ownerReferences = [
      { kind: "Other", name: "other" },
      { kind, name, controller: true },
    ];
    const owner = readPod(aPod({ metadata: { labels, ownerReferences } }), { node: "node-1" })?.claims[0]
      ?.owner;
    return `${owner?.workloadKind} ${owner?.workload}`;
  };

  test.for([
    ["ReplicaSet", "web-5d78c9869d", { "pod-template-hash": "5d78c9869d" }, "Deployment web"],
    ["ReplicaSet", "web-5d78c9869d", { "rollouts-pod-template-hash": "5d78c9869d" }, "Rollout web"],
    ["ReplicaSet", "web-5d78c9869d", {}, "ReplicaSet web-5d78c9869d"],
    ["ReplicaSet", "web-1", { "pod-template-hash": "5d78c9869d" }, "ReplicaSet web-1"],
    ["Job", "backup-29401920", {}, "CronJob backup"],
    ["Job", "migrate-2", {}, "Job migrate-2"],
    ["StatefulSet", "db", {}, "StatefulSet db"],
    ["DaemonSet", "proxy", {}, "DaemonSet proxy"],
    ["Node", "node-1", {}, "Node node-1"],
  ] as const)("%s %s", ([kind, name, labels, want], { expect }) => {
    expect(made(kind, name, labels)).toBe(want);
  });

  test("nothing, for a Pod made by hand", ({ expect }) => {
    const pod = readPod(aPod({ metadata: { ownerReferences: undefined } }), { node: "node-1" });
    expect(pod?.claims[0]?.owner).toEqual({
      kind: "pod",
      namespace: "shop",
      name: "web-5d78c9869d-x2x7q",
      uid: "uid-web-5d78c9869d-x2x7q",
    });
  });
});

describe("what an API server or a proxy gives", () => {
  test("of other nodes holds nothing here, though it is known as what it is", ({ expect }) => {
    expect(readPod(aPod({ name: "a" }), { node: "node-2" })).toEqual({ uid: "uid-a", claims: [] });
    const ended = aPod({ name: "a", status: { phase: "Failed" } });
    expect(readPod(ended, { node: "node-2", watchedAt: T })).toEqual({ uid: "uid-a", claims: [] });
    expect(readPod(aPod({ spec: { nodeName: undefined } }), { node: "node-2" })?.claims).toHaveLength(2);
  });

  test.for(["uid", "name", "namespace"])("with a %s longer than any is refused", (field, { expect }) => {
    const metadata = (length: number) => ({ metadata: { ...aPod().metadata, [field]: "x".repeat(length) } });
    for (const [length, isTaken] of [
      [253, true],
      [254, false],
    ] as const) {
      expect(readPod({ ...aPod(), ...metadata(length) }, { node: "node-1" }) !== undefined).toBe(isTaken);
      expect(readService({ ...aService("api"), ...metadata(length) }) !== undefined).toBe(isTaken);
    }
  });
});

describe("services", () => {
  const addresses = (spec: object, status: object = {}) =>
    readService(aService("api", spec, status))?.claims.map(({ address }) => address);

  test("have their cluster addresses in both families, and those of outside", ({ expect }) => {
    const spec = { clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1", "fd00::1"], externalIPs: ["192.0.2.7"] };
    const status = { loadBalancer: { ingress: [{ ip: "198.51.100.1" }, { hostname: "lb.example.com" }] } };
    expect(addresses(spec, status)).toEqual(["10.96.0.1", "fd00::1", "192.0.2.7", "198.51.100.1"]);
  });

  test("have none where they are headless or names of elsewhere", ({ expect }) => {
    expect(addresses({ clusterIP: "None", clusterIPs: ["None"] })).toEqual([]);
    expect(addresses({ type: "ExternalName", externalName: "example.com" })).toEqual([]);
  });
});

test("no object makes the readers throw", ({ expect }) => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (metadata, spec, status) => {
      for (const object of [metadata, { metadata, spec, status }, aPod({ spec: spec as object }), status]) {
        readPod(object, { node: "node-1" });
        readService(object);
      }
      const odd = { ...aPod(), status, spec };
      expect(readPod(odd, { node: "node-1" })?.uid).toBe("uid-web-5d78c9869d-x2x7q");
    }),
  );
});

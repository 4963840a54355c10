/** A Pod as the API server gives it, less what nobody here reads. Times are RFC 3339, in seconds. */
export function aPod({
  name = "web-5d78c9869d-x2x7q",
  version = "101",
  ips = ["10.244.0.11"],
  metadata = {},
  spec = {},
  status = {},
}: {
  name?: string;
  version?: string;
  ips?: string[];
  metadata?: object;
  spec?: object;
  status?: object;
} = {}) {
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: {
      name,
      namespace: "shop",
      uid: `uid-${name}`,
      resourceVersion: version,
      creationTimestamp: "2026-11-21T08:00:00Z",
      labels: { app: "web", "pod-template-hash": "5d78c9869d" },
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d78c9869d", uid: "rs", controller: true },
      ],
      ...metadata,
    },
    spec: { nodeName: "node-1", containers: [{ name: "web", image: "web:1" }], ...spec },
    status: {
      phase: "Running",
      startTime: "2026-11-21T08:00:00Z",
      hostIP: "192.0.2.10",
      hostIPs: [{ ip: "192.0.2.10" }],
      ...(ips.length > 0 && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
      ...status,
    },
  };
}

/** The statuses of containers, each a state and how often it was restarted. */
export const containers = (...states: { state: object; restartCount?: number }[]) => ({
  containerStatuses: states.map(({ state, restartCount = 0 }, at) => ({
    name: `c${at}`,
    restartCount,
    state,
  })),
});

export const running = (startedAt: string) => ({ running: { startedAt } });
export const terminated = (startedAt: string, finishedAt: string) => ({
  terminated: { exitCode: 0, reason: "Completed", startedAt, finishedAt },
});

export const aService = (name: string, spec: object = { clusterIP: "10.96.0.10" }, status: object = {}) => ({
  kind: "Service",
  apiVersion: "v1",
  metadata: {
    name,
    namespace: "shop",
    uid: `uid-${name}`,
    resourceVersion: "90",
    creationTimestamp: "2026-11-20T08:00:00Z",
  },
  spec: { type: "ClusterIP", ports: [{ port: 80 }], ...spec },
  status: { loadBalancer: {}, ...status },
});

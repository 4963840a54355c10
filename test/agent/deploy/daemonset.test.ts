import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { VERSION } from "../../../agent/version.ts";
import { deployed, knownVariables } from "./files.ts";

type Manifest = Record<string, unknown> & Record<"apiVersion" | "kind", string>;
const manifests = parseAllDocuments(await deployed("daemonset.yaml")).map((document) => {
  if (document.errors.length > 0) throw document.errors[0];
  return document.toJS() as Manifest;
});

/** What is at a path such as `spec.template.spec` of the one manifest of this kind. */
function at(kind: string, path: string): unknown {
  const found = manifests.filter((manifest) => manifest["kind"] === kind);
  expect(found, kind).toHaveLength(1);
  return path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], found[0]);
}
const pod = (path: string) => at("DaemonSet", `spec.template.spec.${path}`);
const container = (path: string) => pod(`containers.0.${path}`);

test("these are the objects of the manifest", () => {
  expect(manifests.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
    "v1 Namespace",
    "v1 ServiceAccount",
    "rbac.authorization.k8s.io/v1 ClusterRole",
    "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
    "scheduling.k8s.io/v1 PriorityClass",
    "apps/v1 DaemonSet",
  ]);
  const names = manifests.map(({ metadata }) => (metadata as { name?: string } | undefined)?.name);
  expect(names).toEqual(["conntrail", ...Array<string>(names.length - 1).fill("conntrail-agent")]);
});

test("the agent may read Pods and Services of all namespaces, and nothing else", () => {
  expect(at("ClusterRole", "rules")).toEqual([
    { apiGroups: [""], resources: ["pods", "services"], verbs: ["list", "watch"] },
  ]);
  expect(at("ClusterRoleBinding", "roleRef")).toEqual({
    apiGroup: "rbac.authorization.k8s.io",
    kind: "ClusterRole",
    name: at("ClusterRole", "metadata.name"),
  });
  expect(at("ClusterRoleBinding", "subjects")).toEqual([
    {
      kind: "ServiceAccount",
      name: at("ServiceAccount", "metadata.name"),
      namespace: at("ServiceAccount", "metadata.namespace"),
    },
  ]);
  expect(pod("serviceAccountName")).toBe(at("ServiceAccount", "metadata.name"));
  expect(pod("automountServiceAccountToken")).not.toBe(false);
});

test("all it has of root is NET_ADMIN", () => {
  expect(container("securityContext")).toEqual({
    runAsUser: 0,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    seccompProfile: { type: "RuntimeDefault" },
    capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
  });
  expect([pod("hostPID"), pod("hostIPC"), pod("securityContext"), pod("initContainers")]).toEqual(
    Array(4).fill(undefined),
  );
  expect(pod("containers")).toHaveLength(1);
});

test("it sees the host's network, opens no port, and finds the API by name", () => {
  expect([pod("hostNetwork"), pod("dnsPolicy")]).toEqual([true, "ClusterFirstWithHostNet"]);
  for (const inbound of ["ports", "livenessProbe", "readinessProbe", "startupProbe"])
    expect(container(inbound), inbound).toBeUndefined();
});

test("its namespace admits the host's network and paths", () => {
  expect(at("Namespace", "metadata.labels")).toMatchObject({
    "pod-security.kubernetes.io/enforce": "privileged",
  });
  for (const kind of ["DaemonSet", "ServiceAccount"])
    expect(at(kind, "metadata.namespace")).toBe(at("Namespace", "metadata.name"));
});

test("it runs on every Linux node, before ordinary Pods, and is replaced a tenth at a time", () => {
  expect(pod("tolerations")).toEqual([{ operator: "Exists" }]);
  expect(pod("nodeSelector")).toEqual({ "kubernetes.io/os": "linux" });
  expect(pod("priorityClassName")).toBe(at("PriorityClass", "metadata.name"));
  expect(at("PriorityClass", "value")).toBe(1_000_000);
  expect(at("DaemonSet", "spec.updateStrategy")).toEqual({
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: "10%" },
  });
  expect(at("DaemonSet", "spec.selector.matchLabels")).toEqual(
    at("DaemonSet", "spec.template.metadata.labels"),
  );
});

test("memory is limited above what a million entries, a burst and the spool take, CPU is only requested", () => {
  const { requests, limits } = container("resources") as { requests: object; limits: { memory: string } };
  expect(requests).toEqual({ cpu: "20m", memory: "100Mi" });
  expect(Object.keys(limits)).toEqual(["memory"]);
  const mebibytes = Number(/^(\d+)Mi$/.exec(limits.memory)?.[1]);
  expect(mebibytes).toBeGreaterThanOrEqual(120 + 32 + 32);
});

test("a stop leaves the agent the 4.5 seconds it may take", () => {
  expect(pod("terminationGracePeriodSeconds")).toBeGreaterThanOrEqual(6);
});

test("the spool is a folder of the node, and the only one it may write to", () => {
  expect(pod("volumes")).toEqual([
    { name: "spool", hostPath: { path: "/var/lib/conntrail", type: "DirectoryOrCreate" } },
    { name: "bpf", hostPath: { path: "/sys/fs/bpf" } },
  ]);
  expect(container("volumeMounts")).toEqual([
    { name: "spool", mountPath: "/var/lib/conntrail" },
    { name: "bpf", mountPath: "/sys/fs/bpf", readOnly: true, mountPropagation: "HostToContainer" },
  ]);
  expect(container("env")).toContainEqual({ name: "CONNTRAIL_SPOOL", value: "/var/lib/conntrail" });
});

test("every variable is one the agent reads; the token comes from a Secret, the name from the node", async () => {
  const env = container("env") as { name: string }[];
  expect(env.map(({ name }) => name)).toEqual([
    "CONNTRAIL_URL",
    "CONNTRAIL_TOKEN",
    "CONNTRAIL_NODE",
    "CONNTRAIL_OWNERS",
    "CONNTRAIL_SPOOL",
  ]);
  expect(await knownVariables()).toEqual(expect.arrayContaining(env.map(({ name }) => name)));
  expect(env.slice(0, 4)).toEqual([
    { name: "CONNTRAIL_URL", value: "https://conntrail.example.com" },
    { name: "CONNTRAIL_TOKEN", valueFrom: { secretKeyRef: { name: "conntrail-agent", key: "token" } } },
    { name: "CONNTRAIL_NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    { name: "CONNTRAIL_OWNERS", value: "kubernetes" },
  ]);
});

test("the image is that of this version, and starts the agent its own way", () => {
  expect(container("image")).toBe(`conntrail-agent:${VERSION}`);
  expect([container("command"), container("args")]).toEqual([undefined, undefined]);
});

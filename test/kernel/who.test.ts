import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, inject, test, vi } from "vitest";
import {
  missing,
  type Network,
  NODE_V4,
  NODE_V6,
  openNetwork,
  POD_V4,
  POD_V6,
  SERVER_V4,
  SERVER_V6,
} from "../support/namespaces.ts";

const PORT = 8080;
/** The very same source port, or id, of every Pod: all but one get another one. */
const FROM = 41_000;

const reason = missing();
let network: Network;
let owners: string;
/** An owner is sure of what began so long after the file was put there. */
const SLACK_MS = 3_500;

beforeAll(async () => {
  if (reason) return;
  owners = await ownersFile();
  const sure = Date.now() + SLACK_MS;
  network = await openNetwork();
  const onNode = (line: string) => network.exec(network.node, "sh", ["-c", line]);
  await onNode("echo 1 > /proc/sys/net/netfilter/nf_conntrack_timestamp");
  await network.traffic(network.server, "serve", PORT);
  await vi.waitUntil(() => Date.now() > sure, { timeout: 2 * SLACK_MS, interval: 100 });
  // Pod by Pod: of two first packets that choose one NAT port at the same moment the kernel drops one.
  for (const pod of network.pods)
    await Promise.all(FLOWS.map(([act, server]) => network.traffic(pod, act, server, PORT, 1, FROM)));
  await network.traffic(network.node, "tcp", SERVER_V4, PORT, 1, 42_000);
});
afterAll(async () => {
  await network?.dispose();
  if (owners) await rm(dirname(owners), { recursive: true });
});
beforeEach((context) => {
  if (reason) context.skip(reason);
});

const FLOWS = [
  ["tcp", SERVER_V4],
  ["udp", SERVER_V4],
  ["ping", SERVER_V4],
  ["tcp", SERVER_V6],
] as const;

/** A file that says who the Pods are. */
async function ownersFile(): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), "conntrail-owners-")), "owners.json");
  const named = [...POD_V4, ...POD_V6].map((address, i) => [
    address,
    { kind: "pod", name: `pod-${(i % 3) + 1}` },
  ]);
  await writeFile(file, JSON.stringify(Object.fromEntries(named)));
  return file;
}

/** Runs the agent as it is deployed on the node. */
async function who(args: readonly string[], env: Record<string, string> = {}, wrap: readonly string[] = []) {
  const settings = { CONNTRAIL_NODE: "node-1", CONNTRAIL_OWNERS: `file:${owners}`, ...env };
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const command = [...words, ...wrap, process.execPath, inject("builtAgent"), "who", ...args];
  return network.exec(network.node, "env", command).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

interface Flow {
  source: string;
  natPort: number;
}

/** What of a protocol the server sees, and who is behind it, by the conntrack command. */
async function seen(family: "ipv4" | "ipv6", protocol: string): Promise<Flow[]> {
  const { stdout } = await network.exec(network.node, "conntrack", ["-L", "-f", family, "-p", protocol]);
  return stdout.split("\n").flatMap((line) => {
    const sources = [...line.matchAll(/src=(\S+)/g)].map(([, address]) => address ?? "");
    const ports = [...line.matchAll(protocol === "icmp" ? /id=(\d+)/g : /dport=(\d+)/g)].map(([, port]) =>
      Number(port),
    );
    return sources.length === 2 ? [{ source: sources[0] ?? "", natPort: ports[1] ?? 0 }] : [];
  });
}

test.for([
  ["ipv4", "tcp", NODE_V4, `--peer=${SERVER_V4}:${PORT}`],
  ["ipv4", "udp", NODE_V4, `--peer=${SERVER_V4}:${PORT}`],
  ["ipv4", "icmp", NODE_V4, `--peer=${SERVER_V4}`],
  ["ipv6", "tcp", `[${NODE_V6}]`, `--peer=[${SERVER_V6}]:${PORT}`],
] as const)(
  "%s %s: each Pod is named by what the far end sees of it",
  async ([family, protocol, node, peer], { expect }) => {
    const flows = (await seen(family, protocol)).filter(({ source }) =>
      [...POD_V4, ...POD_V6].includes(source as never),
    );
    expect(new Set(flows.map(({ natPort }) => natPort)).size).toBe(3);
    const answers = flows.map(async ({ source, natPort }) => {
      const { code, stdout } = await who([`${node}:${natPort}`, peer, "--protocol", protocol, "--json"]);
      const { certainty, candidates } = JSON.parse(stdout);
      const [{ source: found, owner }] = candidates;
      return [owner.name, found === source, code, certainty, candidates.length].join(" ");
    });
    const named = [1, 2, 3].map((pod) => `pod-${pod} true 0 certain 1`);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(named));
  },
);

test("the node's own flow is the host's, and what nobody sees is nobody's", async ({ expect }) => {
  const own = await who([`${NODE_V4}:42000`]);
  expect([own.code, own.stderr]).toEqual([0, ""]);
  expect(own.stdout).toMatch(/^host node-1, node node-1: certain\n/);
  const nobody = await who([`${NODE_V4}:1`]);
  expect([nobody.code, nobody.stdout]).toEqual([1, expect.stringMatching(/^Nobody: none\n/)]);
});

test("through every source the answer is the same, less surely where it tells no times", async ({
  expect,
}) => {
  const [flow] = (await seen("ipv4", "tcp")).filter(({ source }) => source === POD_V4[1]);
  const question = [`${NODE_V4}:${flow!.natPort}`, `--peer=${SERVER_V4}:${PORT}`];
  const firstLine = async (source: string) =>
    (await who(question, { CONNTRAIL_SOURCE: source })).stdout.split("\n")[0];
  expect(await firstLine("netlink")).toBe("Pod pod-2, node node-1: certain");
  expect(await firstLine("procfs")).toMatch(/^Pod pod-2, node node-1: (certain|probable)$/);
  expect(await firstLine("conntrack")).toMatch(/^Pod pod-2, node node-1: (certain|probable)$/);
});

test("who may not read the table is told what it takes", async ({ expect }) => {
  const powerless = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];
  const env = { CONNTRAIL_OWNERS: "none", CONNTRAIL_SOURCE: "netlink" };
  const { code, stdout, stderr } = await who([`${NODE_V4}:1`], env, powerless);
  expect([code, stdout]).toEqual([3, ""]);
  expect(stderr).toMatch(/run it as root/);
});

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

const PREFIX = "conntrail";
const TRAFFIC = join(import.meta.dirname, "traffic.ts");
const run = promisify(execFile);

export const POD_V4 = ["10.244.0.11", "10.244.0.12", "10.244.0.13"] as const;
export const POD_V6 = ["fd00:244::11", "fd00:244::12", "fd00:244::13"] as const;
export const NODE_V4 = "192.168.50.10";
export const NODE_V6 = "fd00:50::10";
export const SERVER_V4 = "192.168.50.20";
export const SERVER_V6 = "fd00:50::20";

/**
 * Three Pods, each on a routed link of its own (so that traffic between Pods is tracked too), a node that routes and
 * masquerades what they send outside, and an outside server. Only the node tracks connections.
 */
export interface Network extends AsyncDisposable {
  /** Names of the namespaces, as `ip netns` knows them. */
  readonly pods: readonly [string, string, string];
  readonly node: string;
  readonly server: string;
  /** Runs a command in a namespace to its end; throws, with what it said on stderr, when it fails. */
  exec(
    namespace: string,
    command: string,
    args: readonly string[],
  ): Promise<{ stdout: string; stderr: string }>;
  /** Starts a command in a namespace; `dispose` ends it if it still runs then. */
  spawn(namespace: string, command: string, args: readonly string[], options?: Spawn): ChildProcess;
  /** Starts traffic.ts in a namespace and waits until its sockets are as asked; ends with the network or by `kill`. */
  traffic(namespace: string, ...args: (string | number)[]): Promise<ChildProcess>;
  /** Ends everything started here and removes the namespaces; safe to call twice. */
  dispose(): Promise<void>;
}

export interface Spawn {
  env?: NodeJS.ProcessEnv;
  /** Where stderr goes; the test's own by default, so that a failing child is heard. */
  stderr?: "inherit" | "pipe" | "ignore";
}

/** Why kernel tests cannot run here, for `ctx.skip(reason)`; undefined when they can. */
export function missing(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  for (const [command, source] of [
    ["ip", "iproute2"],
    ["iptables", "iptables"],
    ["ip6tables", "iptables"],
    ["conntrack", "conntrack"],
  ] as const)
    if (spawnSync(command, ["-V"]).error) return `needs ${command} (package ${source})`;
  const probe = `${PREFIX}-${process.pid}-probe`;
  if (spawnSync("ip", ["netns", "add", probe]).status !== 0)
    return "needs leave to create network namespaces";
  const nat = spawnSync("ip", ["netns", "exec", probe, "iptables", "-t", "nat", "-L", "-n"]).status === 0;
  spawnSync("ip", ["netns", "del", probe]);
  return nat ? undefined : "needs a kernel with the iptables nat table";
}

let networks = 0;

/** Builds the network; throws, having removed what it made, when the kernel refuses a part of it. */
export async function openNetwork(): Promise<Network> {
  await removeLeftovers();
  const name = (role: string) => `${PREFIX}-${process.pid}-${networks}-${role}`;
  const pods = [name("pod1"), name("pod2"), name("pod3")] as const;
  const [node, server] = [name("node"), name("server")];
  networks += 1;
  const all = [...pods, node, server];
  const children = new Set<ChildProcess>();

  const exec: Network["exec"] = (namespace, command, args) =>
    run("ip", ["netns", "exec", namespace, command, ...args], { maxBuffer: 1 << 30 });
  const start: Network["spawn"] = (namespace, command, args, { env, stderr = "inherit" } = {}) => {
    const child = spawn("ip", ["netns", "exec", namespace, command, ...args], {
      stdio: ["pipe", "pipe", stderr],
      env: env ?? process.env,
    });
    children.add(child);
    child.once("exit", () => children.delete(child));
    return child;
  };
  const dispose = async () => {
    await Promise.all([...children].map(end));
    for (const namespace of all) await run("ip", ["netns", "del", namespace]).catch(() => {});
  };
  const traffic: Network["traffic"] = async (namespace, ...args) => {
    const child = start(namespace, process.execPath, [TRAFFIC, ...args.map(String)]);
    await ready(child);
    return child;
  };

  try {
    for (const namespace of all) await run("ip", ["netns", "add", namespace]);
    for (const line of plan(pods, node, server)) await run("ip", line);
    for (const iptables of ["iptables", "ip6tables"])
      await exec(node, iptables, ["-t", "nat", "-A", "POSTROUTING", "-o", "outside", "-j", "MASQUERADE"]);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { pods, node, server, exec, spawn: start, traffic, dispose, [Symbol.asyncDispose]: dispose };
}

/** Resolves once a child has printed a line that begins with `word`; rejects if it ends before. */
export async function ready(child: ChildProcess, word = "ready"): Promise<string> {
  for await (const line of createInterface(child.stdout as Readable)) if (line.startsWith(word)) return line;
  throw new Error(`${child.spawnargs.join(" ")} ended without saying ${word}`);
}

function* plan(pods: readonly string[], node: string, server: string): Generator<string[]> {
  for (const namespace of [...pods, node, server]) yield ip(namespace, "link set lo up");
  yield* link({ from: node, name: "outside", to: server, far: SERVER_V6, mac: "02:00:00:00:00:20" });
  yield* addresses(node, "outside", [`${NODE_V4}/24`, `${NODE_V6}/64`]);
  yield* addresses(server, "eth0", [`${SERVER_V4}/24`, `${SERVER_V6}/64`]);
  for (const [i, pod] of pods.entries()) {
    const mac = `02:00:00:00:00:1${i + 1}`;
    yield* link({ from: node, name: `pod${i + 1}`, to: pod, far: POD_V6[i]!, mac });
    yield* addresses(node, `pod${i + 1}`, ["10.244.0.1/32", "fd00:244::1/128"]);
    yield* addresses(pod, "eth0", [`${POD_V4[i]}/32`, `${POD_V6[i]}/128`]);
    yield ip(node, `route add ${POD_V4[i]} dev pod${i + 1}`);
    yield ip(node, `route add ${POD_V6[i]} dev pod${i + 1}`);
    for (const gateway of ["10.244.0.1", "fd00:244::1"]) {
      yield ip(pod, `route add ${gateway} dev eth0`);
      yield ip(pod, `route add default via ${gateway} dev eth0`);
    }
  }
  for (const family of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"])
    yield ["netns", "exec", node, "sh", "-c", `echo 1 > /proc/sys/net/${family}`];
}

const ip = (namespace: string, command: string) => ["-n", namespace, ...command.split(" ")];

/** A link from the node to a namespace whose end of it has `mac` and the IPv6 address `far`. */
interface Link {
  from: string;
  name: string;
  to: string;
  far: string;
  mac: string;
}

function* link({ from, name, to, far, mac }: Link): Generator<string[]> {
  yield ip(from, `link add ${name} type veth peer name eth0 address ${mac} netns ${to}`);
  // Without link-local addresses nothing but the test's own traffic enters the table.
  for (const [namespace, device] of [
    [from, name],
    [to, "eth0"],
  ] as const)
    yield ip(namespace, `link set ${device} addrgenmode none up`);
  // Nor can the node ask whose an address is for packets that are not its own, once it has not heard from there for seconds.
  yield ip(from, `neigh add ${far} lladdr ${mac} dev ${name} nud permanent`);
}

function* addresses(namespace: string, device: string, list: readonly string[]): Generator<string[]> {
  for (const address of list)
    yield ip(namespace, `addr add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** A run that was killed cannot clean up: the next one removes namespaces whose process no longer exists. */
async function removeLeftovers(): Promise<void> {
  const { stdout } = await run("ip", ["netns", "list"]);
  for (const [name, pid] of stdout.matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\S+`, "gm")))
    if (!alive(Number(pid))) await run("ip", ["netns", "del", name]).catch(() => {});
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

import type { Host } from "../../api/wire.ts";
import { readCilium } from "./cilium.ts";
import { type KubeProxyDeps, readKubeProxy } from "./kube-proxy.ts";
import { readMachine } from "./machine.ts";
import { readSysctls } from "./sysctls.ts";

/** What the wire takes (MAX_UNREAD). */
const MAX_UNREAD = 64;

export interface HostDeps extends KubeProxyDeps {
  sys?: string;
  bpf?: string;
  /** What else of this node could not be read, such as its kernel log. */
  unread?: readonly string[];
}

/**
 * What this node is set to. Its keys are always in the same order, so that two texts of it differ only where the node
 * does. Made for starts and keyframes: it lists rules, which is too dear for every window.
 */
export async function readHost(deps: HostDeps = {}): Promise<Host> {
  const { proc, sys, bpf, unread = [] } = deps;
  const { sysctls, unread: settings } = await readSysctls(proc, sys);
  const { cores, memoryBytes } = await readMachine(proc, sys);
  const { mode, unread: rules } = await readKubeProxy(deps);
  const { ciliumBpf, unread: maps } = await readCilium(bpf);
  const machine = [
    ...(cores === undefined ? ["number of CPUs: cannot be read"] : []),
    ...(memoryBytes === undefined ? ["size of the memory: cannot be read"] : []),
  ];
  return {
    sysctls,
    ...(cores !== undefined && { cores }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(mode !== undefined && { kubeProxy: mode }),
    ...(ciliumBpf !== undefined && { ciliumBpf }),
    unread: [...settings, ...machine, ...rules, ...maps, ...unread].slice(0, MAX_UNREAD),
  };
}

import type { Command } from "../command.ts";
import { clusters } from "./clusters.ts";
import { leases } from "./leases.ts";
import { nodes } from "./nodes.ts";
import { peers } from "./peers.ts";
import { ports } from "./ports.ts";
import { top } from "./top.ts";
import { who } from "./who.ts";

/** In the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [who, leases, top, peers, ports, clusters, nodes];

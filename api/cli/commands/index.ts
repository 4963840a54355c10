import type { Command } from "../command.ts";
import { clusters } from "./clusters.ts";
import { nodes } from "./nodes.ts";
import { top } from "./top.ts";

/** In the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [top, clusters, nodes];

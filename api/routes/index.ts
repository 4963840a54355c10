import { attribution } from "./attribution.ts";
import { clusters } from "./clusters.ts";
import { metrics } from "./metrics.ts";
import { nodes } from "./nodes.ts";
import { owners } from "./owners.ts";
import { peers } from "./peers.ts";
import { ports } from "./ports.ts";
import { probes } from "./probes.ts";
import { reports } from "./reports.ts";
import { series } from "./series.ts";
import { sysctls } from "./sysctls.ts";
import { talkers } from "./talkers.ts";
import { tokens } from "./tokens.ts";

export const routes = [
  reports,
  attribution,
  talkers,
  series,
  metrics,
  nodes,
  owners,
  sysctls,
  clusters,
  tokens,
  peers,
  ports,
  probes,
] as const;

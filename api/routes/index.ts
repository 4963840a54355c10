import { anomalies } from "./anomalies.ts";
import { attribution } from "./attribution.ts";
import { backtest } from "./backtest.ts";
import { channels } from "./channels.ts";
import { clusters } from "./clusters.ts";
import { deliveries } from "./deliveries.ts";
import { metrics } from "./metrics.ts";
import { nodes } from "./nodes.ts";
import { owners } from "./owners.ts";
import { peers } from "./peers.ts";
import { ports } from "./ports.ts";
import { probes } from "./probes.ts";
import { reports } from "./reports.ts";
import { rules } from "./rules.ts";
import { series } from "./series.ts";
import { silences } from "./silences.ts";
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
  channels,
  deliveries,
  tokens,
  peers,
  ports,
  anomalies,
  silences,
  rules,
  backtest,
  probes,
] as const;

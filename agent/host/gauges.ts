import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TableGauges } from "../../api/wire.ts";

const GAUGES = ["count", "max", "buckets"] as const;

/**
 * Fill and limits of this namespace's table, from net.netfilter.nf_conntrack_{count,max,buckets}. Anyone may read them.
 * What is not there is absent: on a kernel without conntrack the object is empty.
 */
export async function readGauges(proc = "/proc"): Promise<TableGauges> {
  const gauges: TableGauges = {};
  for (const name of GAUGES) {
    const path = join(proc, `sys/net/netfilter/nf_conntrack_${name}`);
    const value = parseGauge(await readFile(path, "utf8").catch(() => ""));
    if (value !== undefined) gauges[name] = value;
  }
  return gauges;
}

function parseGauge(text: string): number | undefined {
  const digits = text.trim();
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

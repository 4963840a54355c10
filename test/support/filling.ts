import type { Report } from "../../api/wire.ts";
import { aDumpOf, aReport, NOW } from "./a-report.ts";
import { ADMIN, type Service } from "./service.ts";

export const MINUTE_MS = 60_000;
const MAX = 1000;

/** A window of a minute, the one of that number after NOW, of a node whose table is as full as that (0 to 1). */
export function aFilled(number: number, fill: number, name = "node-1"): Report {
  const to = NOW + (number + 1) * MINUTE_MS;
  const used = Math.round(fill * MAX);
  const { flows: _, ...plain } = aReport();
  return {
    ...plain,
    node: { ...plain.node, name },
    sequence: number + 1,
    window: { from: to - MINUTE_MS, to },
    table: { count: used, max: MAX, buckets: 256 },
    dump: { ...aDumpOf(used), takenAt: to, byTcpState: { ESTABLISHED: used }, unreplied: 0, assured: used },
  };
}

/** Posts reports one after another, each a second after its window has ended. */
export async function postInTime(service: Service, token: string, reports: readonly Report[]): Promise<void> {
  for (const report of reports) {
    service.clock.now = report.window.to + 1_000;
    const { status, text } = await service.post(token, report);
    if (status >= 300) throw new Error(`${status}: ${text}`);
  }
}

/** Windows from one number up to another, each as full as that. */
export const filled = (from: number, to: number, fill: number, name?: string): Report[] =>
  Array.from({ length: to - from }, (_, i) => aFilled(from + i, fill, name));

/** What the service says of anomalies of the tables' fill; `query` narrows it further. */
export async function pressures(service: Service, query = "state=all") {
  const { body } = await service.ask("GET", `/v1/anomalies?rule=table-pressure&${query}`, { token: ADMIN });
  return body.anomalies;
}

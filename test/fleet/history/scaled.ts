import type { Flows, Report } from "../../../api/wire.ts";

const COUNTS = ["opened", "closed", "bytes", "packets"] as const;
type Rows = Flows["talkers"] | Flows["groups"];
type Rest = Flows["talkerRemainder"] | Flows["groupRemainder"];

/** A report that stands for `times` as long: of all that was counted there is so many times as much, of all that was there as much as there was. */
export function scaled(report: Report, times: number): Report {
  const { flows, counters, window } = report;
  const statistics = Object.entries(counters?.statistics ?? {});
  return {
    ...report,
    window: { from: window.to - times * (window.to - window.from), to: window.to },
    ...(flows && { flows: scaledFlows(flows, times) }),
    ...(counters && {
      counters: {
        ...counters,
        elapsedMs: counters.elapsedMs * times,
        statistics: Object.fromEntries(statistics.map(([name, count]) => [name, count * times])),
      },
    }),
  };
}

function scaledFlows(flows: Flows, times: number): Flows {
  return {
    ...flows,
    talkers: scaledRows(flows.talkers, times),
    talkerRemainder: scaledRest(flows.talkerRemainder, times),
    groups: scaledRows(flows.groups, times),
    groupRemainder: scaledRest(flows.groupRemainder, times),
  };
}

function scaledRows<T extends Rows>(rows: T, times: number): T {
  const columns = new Map<string, readonly number[] | undefined>(
    Object.entries(rows) as [string, number[]][],
  );
  const more = COUNTS.flatMap((name) => {
    const column = columns.get(name);
    return column ? [[name, column.map((count) => count * times)] as const] : [];
  });
  return { ...rows, ...Object.fromEntries(more) };
}

function scaledRest<T extends Rest>(rest: T, times: number): T {
  const known = new Map<string, number | undefined>(Object.entries(rest) as [string, number][]);
  const more = COUNTS.flatMap((name) => {
    const count = known.get(name);
    return count === undefined ? [] : [[name, count * times] as const];
  });
  return { ...rest, ...Object.fromEntries(more) };
}

import * as fc from "fast-check";
import { test } from "vitest";
import { halve } from "../../../agent/summary/halve.ts";
import { type Summed, Summary } from "../../../agent/summary/summary.ts";
import { AGE_BOUNDS_S, Report } from "../../../api/wire.ts";
import { AGE_CLASSES_S } from "../../../agent/summary/ages.ts";
import { aReport } from "../../support/a-report.ts";
import { busySteps, tell } from "../../support/busy.ts";

const timeouts = { tcpEstablished: 432_000, tcpCloseWait: 60, udp: 30, udpStream: 120 };

/** The report an agent would make of what its summary gave. */
function reportOf({ counts, flows, ages, leases, keyframe, ports }: Summed): Report {
  const { dump: _dump, flows: _flows, ...bare } = aReport();
  return {
    ...bare,
    ...(counts && { dump: { ...counts, durationMs: 3 } }),
    ...(flows && { flows }),
    ...(ages && { ages }),
    ...(leases && { leases }),
    ...(keyframe && { keyframe }),
    ...(ports && { ports }),
  };
}

const summaryOf = (eventsOn: boolean, small: boolean) => {
  const limits = small ? { groups: 6, addresses: 12, pairs: 5, flows: 8, changes: 5 } : {};
  const summary = new Summary({ limits });
  summary.configure({ eventsOn, timeouts });
  return summary;
};

/** Rows and remainder of each column that has both. */
function totals(report: Report): Record<string, number> {
  const { flows } = report;
  if (!flows) return {};
  const tables = [
    ["talkers", flows.talkers, flows.talkerRemainder],
    ["groups", flows.groups, flows.groupRemainder],
  ] as const;
  return Object.fromEntries(
    tables.flatMap(([table, columns, rest]) =>
      Object.entries(rest).map(([name, left]) => {
        const rows = (columns as Record<string, unknown>)[name];
        const listed = Array.isArray(rows) ? (rows as number[]) : columns.source.map(() => 1);
        return [`${table}.${name}`, listed.reduce((sum, value) => sum + value, left ?? 0)];
      }),
    ),
  );
}

test("whatever it is told in whatever order, a summary gives what the wire takes", ({ expect }) => {
  fc.assert(
    fc.property(busySteps, fc.boolean(), fc.boolean(), (steps, eventsOn, small) => {
      tell(summaryOf(eventsOn, small), steps, (given) => {
        const report = reportOf(given);
        expect(Report.safeParse(report).error).toBeUndefined();
        for (const total of Object.values(totals(report))) expect(total).toBeGreaterThanOrEqual(0);
      });
    }),
    { numRuns: 500 },
  );
});

test("halves of a report are reports with the same sums, down to one that has no rows", ({ expect }) => {
  fc.assert(
    fc.property(busySteps, fc.boolean(), (steps, eventsOn) => {
      tell(summaryOf(eventsOn, false), steps, (given) => {
        let report: Report | undefined = reportOf(given);
        const whole = totals(report);
        for (let halvings = 0; report && halvings < 20; halvings += 1) {
          expect(Report.safeParse(report).error).toBeUndefined();
          expect(totals(report)).toEqual(whole);
          if (halvings >= 1) expect(report.leases?.natPort.length ?? 0).toBe(0);
          report = halve(report);
        }
        expect(report).toBeUndefined();
      });
    }),
    { numRuns: 200 },
  );
});

test("the classes of idle time are those of the wire", ({ expect }) => {
  expect(AGE_CLASSES_S).toEqual(AGE_BOUNDS_S);
});

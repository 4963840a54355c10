import { test } from "vitest";
import { pack } from "../../agent/push.ts";
import { Report } from "../../api/wire.ts";
import { quietReport, worstReport } from "../bench/report-size.ts";

test.for([
  ["a quiet node of 40 Pods", quietReport, 2_000],
  ["a table in which nothing repeats", worstReport, 48_000],
] as const)("the report of %s is taken by the wire and small enough", async ([, make, bytes], { expect }) => {
  const report = make();
  expect(Report.safeParse(report).error).toBeUndefined();
  expect((await pack(report)).body.length).toBeLessThanOrEqual(bytes);
});

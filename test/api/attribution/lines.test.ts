import { expect, test } from "vitest";
import { csvParts, jsonParts, MAX_CANDIDATES, type AnsweredItem } from "../../../api/attribution/lines.ts";
import type { Candidate } from "../../../db/attribution/answer.ts";
import { NOW } from "../../support/a-report.ts";

const QUESTION = {
  address: "192.168.50.10",
  port: undefined,
  protocol: 17,
  peer: undefined,
  peerPort: undefined,
  at: NOW,
  toleranceMs: 1500,
};
const OWNER = {
  kind: "pod",
  namespace: "=1+1",
  name: '@web,"1"',
  uid: "",
  workloadKind: "",
  workload: "\r\n-x",
};

const candidate = (source: string): Candidate => ({
  cluster: "prod",
  node: null,
  via: "service",
  source,
  sourcePort: null,
  owner: { ...OWNER, node: null, since: 0, until: NOW },
  certainty: "ambiguous",
  reasons: ["no-port", "owner-gap"],
  lease: null,
});

const answered = (line: number, candidates: number): AnsweredItem => ({
  line,
  question: QUESTION,
  answer: {
    certainty: candidates > 0 ? "ambiguous" : "none",
    candidates: Array.from({ length: Math.min(candidates, MAX_CANDIDATES) }, (_, at) =>
      candidate(`10.0.0.${at}`),
    ),
    more: Math.max(0, candidates - MAX_CANDIDATES),
    reasons: candidates > 0 ? ["several-sources", "no-port"] : [],
    evidence: [],
  },
});

const jsonOf = (items: AnsweredItem[]) => JSON.parse([...jsonParts(items, false)].join(""));

test("of a line so many candidates are listed, and how many more there are", () => {
  const { lines } = jsonOf([answered(1, MAX_CANDIDATES), answered(2, MAX_CANDIDATES + 1), answered(3, 0)]);
  expect(
    lines.map(({ candidates, more }: { candidates: unknown[]; more: number }) => [candidates.length, more]),
  ).toEqual([
    [MAX_CANDIDATES, 0],
    [MAX_CANDIDATES, 1],
    [0, 0],
  ]);
  expect(lines[0].asked).toMatchObject({ port: null, protocol: "udp", toleranceSeconds: 1.5 });
  expect(lines[0].candidates[0]).toMatchObject({ node: null, via: "service", sourcePort: null, lease: null });
});

test("names that a spreadsheet would run are inert in CSV; each reason stands once", () => {
  const csv = [...csvParts([answered(1, 1), answered(2, MAX_CANDIDATES + 1)])].join("");
  const [, first] = csv.split(/\r\n(?=\d)/);
  expect(first).toBe(
    "1,192.168.50.10,,udp,,,2026-11-21T12:00:00.000Z,ambiguous,several-sources no-port owner-gap,1,1,prod,,service,10.0.0.0,," +
      `pod,'=1+1,"'@web,""1""",,,"'\r\n-x",,,2026-11-21T12:00:00.000Z,,,,,,,,,,,`,
  );
  expect(csv.split(`,${MAX_CANDIDATES + 1},${MAX_CANDIDATES},prod`)).toHaveLength(2);
});

test("a batch of any number of lines is one JSON, and one CSV, whatever the parts in which it is written", () => {
  for (const length of [0, 1, 199, 200, 201, 400]) {
    const items: AnsweredItem[] = Array.from({ length }, (_, at) => answered(at + 1, 0));
    expect(jsonOf(items)).toMatchObject({ counts: { lines: length, none: length } });
    expect(jsonOf(items).lines).toHaveLength(length);
    expect([...csvParts(items)].join("").trimEnd().split("\r\n")).toHaveLength(length + 1);
  }
});

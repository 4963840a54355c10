import { test } from "vitest";
import { type Reader, readReport } from "../../agent/read.ts";
import { type Dump, type Source, SourceError } from "../../agent/sources/source.ts";
import { Summary } from "../../agent/summary/summary.ts";
import { Report } from "../../api/wire.ts";
import { aReport } from "../support/a-report.ts";
import { anEntry, type PlainEntry } from "../support/entries.ts";

const { node, window } = aReport();
const never = new AbortController().signal;
const clean: Dump = { entries: 0, interrupted: false, unreadable: { lines: 0, samples: [] } };

/** A source whose dumps are these lists of entries in turn, each ending as told. */
function sourceOf(dumps: (readonly PlainEntry[])[], end: () => Dump = () => clean): Source {
  return {
    name: "procfs",
    blind: ["Nothing is seen of the dark side."],
    dump: async (sink) => {
      for (const entry of dumps.shift() ?? []) sink(anEntry(entry));
      return end();
    },
    close: () => {},
  };
}

function readerOf(source: Source | undefined, reasons: string[] = []): Reader {
  return {
    source,
    reasons,
    identity: async () => node,
    gauges: async () => ({ count: 2, max: 100, buckets: 10 }),
    now: () => window.to,
    summary: new Summary(),
  };
}

const read = (reader: Reader) => readReport(reader, window, 7, never);

test("a report has the window, the gauges, the dump and who uses the table", async ({ expect }) => {
  const report = await read(
    readerOf(
      sourceOf([
        [
          { source: 1, peer: 2 },
          { source: 1, peer: 3 },
        ],
      ]),
    ),
  );
  expect(report).toMatchObject({
    node,
    window,
    sequence: 7,
    table: { count: 2, max: 100, buckets: 10 },
    completeness: { source: "procfs", events: "off", blind: ["Nothing is seen of the dark side."] },
    dump: { takenAt: window.to, durationMs: 0, entries: 2 },
    flows: { talkers: { entries: [2], peers: [2] } },
  });
  expect(Report.safeParse(report).error).toBeUndefined();
});

test("rows that could not be read and a table resized meanwhile are told", async ({ expect }) => {
  const unreadable = { lines: 3, samples: ["ipv9"] };
  const source = sourceOf([[]], () => ({ ...clean, interrupted: true, unreadable }));
  const { completeness } = await read(readerOf(source));
  expect(completeness).toMatchObject({ interrupted: true, unreadable });
});

test("a source that fails midway costs the report its flows, not its gauges, and leaves nothing for the next", async ({
  expect,
}) => {
  const ends = [
    () => {
      throw new SourceError("the table ran away", "run after it");
    },
    () => clean,
  ];
  const source = sourceOf([[{ source: 1, peer: 2 }], [{ source: 3, peer: 4 }]], () => ends.shift()!());
  const reader = readerOf(source);
  const failed = await read(reader);
  expect([failed.dump, failed.flows, failed.table.count]).toEqual([undefined, undefined, 2]);
  expect(failed.completeness).toEqual({
    source: "none",
    events: "off",
    blind: ["the table ran away; run after it"],
  });
  expect((await read(reader)).flows?.addresses).toEqual(["10.0.0.3", "10.0.0.4"]);
});

test("a table resized meanwhile makes the dump one that was interrupted", async ({ expect }) => {
  const sizes = [65_536, 131_072];
  const reader = readerOf(sourceOf([[{ source: 1, peer: 2 }]]));
  reader.gauges = async () => ({ buckets: sizes.shift() ?? 0 });
  const { completeness, table } = await read(reader);
  expect([completeness.interrupted, table.buckets]).toEqual([true, 65_536]);
});

test("a source that does not answer in time costs the report its flows and says so", async ({ expect }) => {
  const patience = new AbortController();
  const stuck: Source = {
    ...sourceOf([]),
    dump: (_sink, signal) => {
      patience.abort(new Error("time is over"));
      return Promise.reject(signal.reason as Error);
    },
  };
  const reading = readReport(readerOf(stuck), window, 7, patience.signal);
  const { completeness, table } = await reading;
  expect([completeness.source, table.count]).toEqual(["none", 2]);
  expect(completeness.blind).toEqual(["The procfs source did not give the table in time."]);
});

test("entries of groups that were folded away are counted", async ({ expect }) => {
  const reader = readerOf(sourceOf([[1, 2, 3, 4].map((peer) => ({ source: 1, peer }))]));
  reader.summary = new Summary({ limits: { groups: 3, addresses: 100 } });
  const { completeness, flows } = await read(reader);
  expect([completeness.untracked, flows?.groupRemainder]).toEqual([
    3,
    { groups: 0, entries: 3, unreplied: 3 },
  ]);
});

test("a fault of ours is not taken for a table that cannot be read", async ({ expect }) => {
  const source = sourceOf([[]], () => {
    throw new TypeError("a bug");
  });
  await expect(read(readerOf(source))).rejects.toThrow("a bug");
});

test("without a source the report says why, in as many words as the wire takes", async ({ expect }) => {
  const reasons = Array.from({ length: 17 }, () => "x".repeat(501));
  const report = await read(readerOf(undefined, reasons));
  expect(report.completeness.blind.map(({ length }) => length)).toEqual(Array(16).fill(500));
  expect(Report.safeParse(report).error).toBeUndefined();
});

import { test } from "vitest";
import type { EntryEvent } from "../../../agent/conntrack/entry.ts";
import { Summary } from "../../../agent/summary/summary.ts";
import { anEntry, type PlainEntry } from "../../support/entries.ts";

const AT = 1_700_000_000_000;
const OLD: PlainEntry = { source: 1, peer: 50, natAddress: 200, sourcePort: 40_000 };
const LOST: PlainEntry = { ...OLD, sourcePort: 40_001 };

/** A summary that listens, has seen one flow, and is told of more. */
function listening() {
  const summary = new Summary();
  const dump = (...rows: PlainEntry[]) => {
    summary.dumpBegins(AT);
    for (const row of rows) summary.add(anEntry(row));
    summary.dumpEnds(true);
  };
  const say = (event: EntryEvent, flow: PlainEntry) =>
    summary.event(Object.assign(anEntry(flow), { event }), AT);
  const opened = () => summary.take({ from: AT }).flows?.talkers.opened;
  summary.configure({ eventsOn: true, timeouts: {} });
  dump(OLD);
  return { summary, dump, say, opened };
}

test("a change of a flow whose beginning was lost counts it, once", ({ expect }) => {
  const { summary, say, opened, dump } = listening();
  summary.lost();
  say("update", LOST);
  say("update", LOST);
  expect(opened()).toEqual([1]);
  dump(OLD, LOST);
  expect(opened()).toEqual([0]);
});

test("a lost flow that only a change has told of has a lease, whose beginning is not known", ({ expect }) => {
  const { summary, say } = listening();
  summary.lost();
  say("update", LOST);
  const { leases } = summary.take({ from: AT });
  expect([leases?.natPort, leases?.opened, leases?.closed]).toEqual([[40_001], [null], [null]]);
});

test("while nothing is lost, changes count nothing", ({ expect }) => {
  const { say, opened } = listening();
  say("update", OLD);
  say("update", LOST);
  expect(opened()).toEqual([0]);
});

import { test } from "vitest";
import { printReport } from "../../agent/once.ts";
import { aQuietReport } from "../support/a-quiet-report.ts";

test("a report reads as a person would ask: limit, mix, sources, groups", ({ expect }) => {
  expect(printReport(aQuietReport()))
    .toBe(`Connection tracking table of node-1 at 2026-11-21T12:00:30.000Z, read through netlink in 2 ms

1 entry of 262,144 allowed (0.0%), 65,536 buckets

family     IPv4 1 (100.0%)
protocol   tcp 1 (100.0%)
TCP state  ESTABLISHED 1 (100.0%)
NAT        SNAT 1 (100.0%)
status     assured 1 (100.0%)

Top sources
  entries   share    SNAT  unreplied  peers  source
        1  100.0%  100.0%          0      1  10.244.0.11

Top flow groups
  entries   share  unreplied  protocol   NAT  source → peer
        1  100.0%          0       tcp  snat  10.244.0.11 → 192.168.50.20:5432 as 192.168.50.10
`);
});

test("what is not listed is summed in one last line", ({ expect }) => {
  const report = aQuietReport();
  report.dump!.entries = 11;
  report.flows!.talkerRemainder = { sources: 5, entries: 10, snatEntries: 0, unreplied: 0 };
  expect(printReport(report)).toMatch(/\n +10 +90\.9% +5 more\n/);
});

test("a table that cannot be read is printed with its fill and the reason", ({ expect }) => {
  const {
    dump: _,
    flows: __,
    ...bare
  } = aQuietReport({
    completeness: { source: "none", events: "off", blind: ["netlink: not permitted. Run as root."] },
  });
  expect(printReport(bare)).toContain(
    "1 entry of 262,144 allowed (0.0%), 65,536 buckets\n\nNot seen: netlink: not permitted. Run as root.\n",
  );
});

test("lines that could not be read are counted and one is shown", ({ expect }) => {
  const report = aQuietReport();
  report.completeness.unreadable = { lines: 3, samples: ["ipv9 tcp"] };
  expect(printReport(report)).toContain("3 lines could not be read, such as: ipv9 tcp");
});

test("an IPv6 peer is bracketed so that its port can be read", ({ expect }) => {
  const report = aQuietReport();
  report.flows!.addresses[2] = "fd00:50::20";
  expect(printReport(report)).toContain("10.244.0.11 → [fd00:50::20]:5432 as");
});

import { test } from "vitest";
import { printReport } from "../../agent/once.ts";
import { aDumpOf, aReport, someFlows } from "../support/a-report.ts";

test("a report reads as a person would ask: limit, mix, sources, groups", ({ expect }) => {
  expect(printReport(aReport()))
    .toBe(`Connection tracking table of node-1 at 2026-11-21T12:00:00.000Z, read through netlink in 3 ms

10 entries of 1,000 allowed (1.0%), 256 buckets

family     IPv4 10 (100.0%)
protocol   tcp 8 (80.0%)   udp 2 (20.0%)
TCP state  ESTABLISHED 6 (60.0%)   SYN_SENT 2 (20.0%)
NAT        SNAT 7 (70.0%)   none 3 (30.0%)
status     assured 6 (60.0%)   unreplied 2 (20.0%)

Top sources
  entries  share    SNAT  unreplied  peers  source
        7  70.0%  100.0%          2      1  10.244.0.11
        3  30.0%    0.0%          0      2  10.244.0.12

Top flow groups
  entries  share  unreplied  protocol   NAT  source → peer
        7  70.0%          2       tcp  snat  10.244.0.11 → 192.168.50.20:5432 as 192.168.50.10
        2  20.0%          0       udp     -  10.244.0.12 → 10.96.0.10:53
        1  10.0%          0       tcp     -  10.244.0.12 → 192.168.50.20:443
`);
});

test("what is not listed is summed in one last line", ({ expect }) => {
  const report = aReport();
  report.dump!.entries = 100;
  report.flows!.talkerRemainder = { sources: 5, entries: 90, snatEntries: 0, unreplied: 0 };
  expect(printReport(report)).toMatch(/\n +90 +90\.0% +5 more\n/);
});

test("a table that cannot be read is printed with its fill and the reason", ({ expect }) => {
  const { dump: _dump, flows: _flows, ...bare } = aReport();
  bare.completeness = { source: "none", events: "off", blind: ["netlink: not permitted. Run as root."] };
  expect(printReport(bare)).toContain(
    "11 entries of 1,000 allowed (1.1%), 256 buckets\n\nNot seen: netlink: not permitted. Run as root.\n",
  );
});

test("an empty table says where the traffic may be instead of printing empty rankings", async ({
  expect,
}) => {
  const report = aReport({ dump: aDumpOf(0) });
  expect(printReport(report)).toContain("Nothing is tracked here.");
  expect(printReport(report)).not.toContain("Top sources");
});

test("foreign text cannot steer the terminal", ({ expect }) => {
  const report = aReport();
  report.completeness.unreadable = { lines: 1, samples: ["\u001b[2Jgone\u009b1m"] };
  expect(printReport(report)).toContain("such as: ?[2Jgone?1m");
});

test("one entry is not spoken of as several", ({ expect }) => {
  const { dump: _dump, flows: _flows, ...bare } = aReport({ table: { count: 1 } });
  expect(printReport(bare)).toContain("\n1 entry\n");
});

test("lines that could not be read are counted and one is shown", ({ expect }) => {
  const report = aReport();
  report.completeness.unreadable = { lines: 3, samples: ["ipv9 tcp"] };
  expect(printReport(report)).toContain("3 lines could not be read, such as: ipv9 tcp");
});

test("an IPv6 peer is bracketed so that its port can be read", ({ expect }) => {
  const addresses = ["10.244.0.11", "10.244.0.12", "192.168.50.10", "fd00:50::20", "10.96.0.10"];
  expect(printReport(aReport({ flows: someFlows({ addresses }) }))).toContain(
    "10.244.0.11 → [fd00:50::20]:5432 as",
  );
});

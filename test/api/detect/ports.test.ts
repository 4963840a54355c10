import { expect, test } from "vitest";
import type { Subject } from "../../../api/detect/rule.ts";
import type { NodeWindow, PortsRow } from "../../../db/look.ts";
import { gateOf, judged, verdictOf } from "../../support/verdicts.ts";
import { aLook, aParty, aWindow, windowsBefore } from "../../support/looks.ts";

const KEY = "node-1/192.168.0.23/6/198.51.100.20/443/0";
const KNOWN: Subject = { kind: "ports", key: KEY, node: "node-1" };

const row = (used: number, some: Partial<PortsRow> = {}): PortsRow => ({
  natAddress: "192.168.0.23",
  protocol: 6,
  peer: "198.51.100.20",
  peerPort: 443,
  zone: 0,
  used,
  holders: [{ party: aParty(), used }],
  ...some,
});

type Some = {
  window?: Partial<NodeWindow>;
  row?: Partial<PortsRow>;
  known?: Subject[];
  open?: "warning" | "critical";
};
/** `snat` entries of one peer, and as many of others: how they grow then says nothing. */
const said = (used: number, { window, row: other, known, open }: Some = {}) => {
  const look = aLook(aWindow(0, { snat: 3 * used, ...window }), { ports: [row(used, other)] });
  return verdictOf(judged("ports", look, known, { open: open ? { [KEY]: open } : {} }));
};

// Of 64,512.
test.each([
  [38_707, "clear"],
  [38_708, "between"],
  [45_158, "between"],
  [45_159, "warning"],
  [54_835, "warning"],
  [54_836, "critical"],
])("%i ports in use are %s", (used, verdict) => {
  expect(said(used, { known: [KNOWN] })).toBe(verdict);
  expect(said(used)).toBe(["warning", "critical"].includes(verdict) ? verdict : "nothing");
});

test("what is critical stays so down to a level of its own", () => {
  expect(said(48_384, { known: [KNOWN], open: "critical" })).toBe("critical");
  expect(said(48_383, { known: [KNOWN], open: "critical" })).toBe("warning");
});

test("a table of fewer entries with SNAT than ports would need is not looked into", () => {
  expect(gateOf("ports", aWindow(0, { snat: 45_158 }))).toBeUndefined();
  expect(gateOf("ports", aWindow(0, { snat: 45_159 }))).toEqual({ ports: true });
  expect(gateOf("ports", aWindow(0, { snat: 45_159, takenAt: aWindow().from - 1 }))).toBeUndefined();
  expect(gateOf("ports", aWindow(0, { snat: undefined }))).toBeUndefined();
  expect(gateOf("ports", aWindow(0, { snat: 70 }), { thresholds: { available: 100 } })).toBeDefined();
  expect(gateOf("ports", aWindow(0, { snat: 69 }), { thresholds: { available: 100 } })).toBeUndefined();
});

test("a range of one's own counts, and ICMP has ids", () => {
  const settings = { thresholds: { available: 100 } };
  const look = aLook(aWindow(0, { snat: 200 }), { ports: [row(70)] });
  expect(judged("ports", look, [], { settings })[0]?.finding).toMatchObject({
    severity: "warning",
    value: 0.7,
    facts: { used: 70, available: 100 },
  });
  expect(said(45_159, { row: { protocol: 1 } })).toBe("nothing");
  expect(said(45_876, { row: { protocol: 1 } })).toBe("warning");
});

test("what an older dump says is nothing new, and what no dump lists is over", () => {
  expect(said(60_000, { known: [KNOWN], window: { takenAt: aWindow().from - 1 } })).toBe("unknown");
  expect(verdictOf(judged("ports", aLook(aWindow()), [KNOWN]))).toBe("unknown");
  // The rule names it no more: then it is clear.
  expect(judged("ports", aLook(aWindow(), { ports: [] }), [KNOWN])).toEqual([]);
});

/** Seven tenths are in use, by `perMinute` more each minute; all SNAT entries are of that peer. */
const growing = (perMinute: number, windows = 10, used = 46_000) => {
  const snat = (number: number) => used + (number * perMinute) / 2;
  const window = aWindow(0, { snat: snat(0) });
  const recent = windowsBefore(0, windows, (number) => ({ snat: snat(number) }));
  return judged("ports", aLook(window, { recent, ports: [row(used)] }))[0]?.finding;
};

test("ports that will be gone within half an hour are critical, however many are left", () => {
  // 18,512 are left.
  expect(growing(618)).toMatchObject({ severity: "critical", facts: { leftMs: 1_797_282 } });
  expect(growing(617)).toMatchObject({ severity: "warning" });
  expect(growing(-600)).toMatchObject({ severity: "warning" });
  // Fewer than warn, however fast.
  expect(growing(4_000, 10, 45_000)).toBeUndefined();
  // Three minutes of dumps are a line.
  expect(growing(618, 6)).toMatchObject({ severity: "critical" });
  expect(growing(618, 5)).toMatchObject({ severity: "warning", facts: { used: 46_000, available: 64_512 } });
});

test("each NAT address, peer, port, protocol and zone is its own, with those who hold its ports", () => {
  const others: Partial<PortsRow>[] = [
    {},
    { natAddress: "192.168.0.24" },
    { peer: "198.51.100.21" },
    { peerPort: 80 },
    { protocol: 17 },
    { zone: 7 },
  ];
  const holders = [1, 40_000, 3, 10_000].map((used, i) => ({ party: aParty(`pod-${i}`), used }));
  const rows = others.map((some) => row(50_004, { ...some, holders }));
  const all = judged("ports", aLook(aWindow(0, { snat: 500_000 }), { ports: rows }));
  expect(new Set(all.map(({ subject }) => subject.key)).size).toBe(others.length);
  expect(all[0]).toMatchObject({
    subject: { kind: "ports", natAddress: "192.168.0.23", peer: "198.51.100.20", peerPort: 443, protocol: 6 },
    finding: {
      contributors: [
        { party: { name: "pod-1" }, value: 40_000, peer: "198.51.100.20", peerPort: 443, protocol: 6 },
        { party: { name: "pod-3" }, value: 10_000 },
        { party: { name: "pod-2" }, value: 3 },
      ],
    },
  });
});

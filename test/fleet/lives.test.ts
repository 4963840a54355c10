import { expect, test } from "vitest";
import type { Report } from "../../api/wire.ts";
import { decodeLeases } from "../support/leases.ts";
import { Fleet, type Mapping } from "./fleet.ts";

const FROM = Date.UTC(2026, 10, 18, 12);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const aFleet = (remember = false) =>
  new Fleet({ seed: 11, from: FROM, clusters: [{ name: "shop", nodes: 2, pods: 14 }], remember });

function livesOf(fleet: Fleet, node: number, days: number) {
  const lives = fleet.cluster("shop").lives(node);
  lives.through(FROM + days * DAY);
  return lives.lives.filter(({ workload }) => !workload.hostNetwork);
}

test("no address has two Pods at once, and each is given again to another", () => {
  const byAddress = Map.groupBy(livesOf(aFleet(), 0, 7), ({ text }) => text);
  let again = 0;
  for (const lives of byAddress.values()) {
    const ordered = lives.toSorted((a, b) => a.since - b.since);
    for (const [at, life] of ordered.entries()) {
      const next = ordered[at + 1];
      if (!next) continue;
      expect(next.since).toBeGreaterThanOrEqual(life.until + 120_000);
      if (next.workload !== life.workload) again += 1;
    }
  }
  expect(again).toBeGreaterThan(10);
});

test("rollouts replace every Pod of a Deployment under new names; a StatefulSet keeps its names", () => {
  const lives = livesOf(aFleet(), 0, 14);
  const of = (name: string) => lives.filter(({ workload }) => workload.name === name);
  const checkout = of("checkout");
  const slots = new Set(checkout.map(({ slot }) => slot));
  for (const slot of slots) expect(checkout.filter((life) => life.slot === slot).length).toBeGreaterThan(10);
  expect(new Set(checkout.map(({ owner }) => owner.name)).size).toBe(checkout.length);
  const sessions = of("sessions");
  expect(sessions.length).toBeGreaterThan(1);
  expect(new Set(sessions.map(({ owner }) => owner.name))).toEqual(new Set(["sessions-0"]));
  expect(new Set(sessions.map(({ owner }) => owner.uid)).size).toBe(sessions.length);
});

test("a CronJob's Pods come and go", () => {
  const jobs = livesOf(aFleet(), 0, 1).filter(({ workload }) => workload.kind === "CronJob");
  expect(jobs.length).toBeGreaterThan(40);
  for (const { since, until } of jobs) expect(until - since).toBeLessThan(30 * MINUTE);
});

test("whoever asks later, or for another node first, is told the same", () => {
  const [early, late] = [aFleet(), aFleet()];
  late.whoHeld("shop", 1, "10.0.1.5", FROM + 3 * DAY);
  for (const day of [0, 1, 2, 3]) {
    const at = FROM + day * DAY;
    expect(early.whoHeld("shop", 0, "10.0.0.9", at)?.owner).toEqual(
      late.whoHeld("shop", 0, "10.0.0.9", at)?.owner,
    );
  }
});

test("what reports say of owners is what was so", () => {
  const fleet = aFleet();
  const said = new Map<string, { address: string; since: number | null; until: number | null }>();
  const to = FROM + 6 * 60 * MINUTE;
  for (const { report } of fleet.reports({ from: FROM, to, intervalMs: MINUTE, node: 0 })) {
    const { owners } = report;
    for (const [row, uid] of (owners?.uid ?? []).entries())
      if (owners!.kind[row] === "pod")
        said.set(uid!, {
          address: owners!.address[row]!,
          since: owners!.since[row]!,
          until: owners!.until[row]!,
        });
  }
  const lives = livesOf(fleet, 0, 0.25).filter(({ since }) => since < to);
  expect(said.size).toBe(lives.length);
  for (const { owner, text, since, until } of lives)
    expect(said.get(owner.uid), owner.name).toEqual({
      address: text,
      since,
      until: until > to ? null : until,
    });
  for (const { text, since, owner } of lives)
    expect(fleet.whoHeld("shop", 0, text, Math.max(since, FROM))?.owner).toEqual(owner);
});

test("all flows of Pods are of addresses that somebody holds or held just before", () => {
  const fleet = aFleet();
  const to = FROM + 120 * MINUTE;
  for (const { report } of fleet.reports({ from: FROM, to, intervalMs: MINUTE, node: 0 })) {
    const { addresses, talkers } = report.flows!;
    for (const source of talkers.source.map((at) => addresses[at]!)) {
      if (report.node.addresses.includes(source)) continue;
      const holders = [report.window.to - 1, report.window.from, report.window.from - MINUTE].map((at) =>
        fleet.whoHeld("shop", 0, source, at),
      );
      expect(
        holders.some((holder) => holder !== undefined) || isBrief(fleet, source, report.window),
        source,
      ).toBe(true);
    }
  }
});

/** Held for a part of the window only. */
const isBrief = (fleet: Fleet, address: string, { from, to }: { from: number; to: number }) =>
  fleet
    .cluster("shop")
    .lives(0)
    .lives.some((life) => life.text === address && life.since < to && life.until > from);

interface Mapped {
  mapping: Mapping;
  source: string;
}

const LEASE = /^(\S+):(\d+) (\d+) (\S+):(\d+) (\S+):\d+$/;

/** The leases of a report that began in its window and lasted for two seconds, each a second after it began. */
function mappingsOf({ leases, flows, window }: Report): Mapped[] {
  return decodeLeases(flows!, leases!).flatMap(({ text, opened, closed }) => {
    if (opened === null || opened < 0 || (closed ?? 60) - opened < 2) return [];
    const [, natAddress, natPort, protocol, peer, peerPort, source] = LEASE.exec(text)!;
    const numbers = { natPort: Number(natPort), protocol: Number(protocol), peerPort: Number(peerPort) };
    const at = window.from + (opened + 1) * 1_000;
    return [{ mapping: { natAddress: natAddress!, peer: peer!, ...numbers, at }, source: source! }];
  });
}

test("a lease in a report leads to the Pod that had it", () => {
  const fleet = aFleet(true);
  const asked = { from: FROM, to: FROM + 10 * MINUTE, intervalMs: MINUTE, node: 0 };
  const leases = [...fleet.reports(asked)].flatMap(({ report }) => mappingsOf(report));
  expect(leases.length).toBeGreaterThan(100);
  for (const { mapping, source } of leases)
    expect(fleet.leaseOf("shop", 0, mapping)?.text, JSON.stringify(mapping)).toBe(source);
});

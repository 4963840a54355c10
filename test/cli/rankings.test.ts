import { test } from "vitest";
import type * as z from "zod";
import { PortsAnswer } from "../../api/ports.ts";
import { Sources } from "../../api/sources.ts";
import { Talkers } from "../../api/top.ts";
import { conntrail, json } from "./world.ts";

const WINDOW = { from: "2026-11-21T11:00:00.000Z", to: "2026-11-21T12:00:00.000Z", coveredSeconds: 3600 };
const WEB = {
  cluster: "prod",
  namespace: "shop",
  pod: "web-7d9f-x2x4v",
  kind: "pod",
  workloadKind: "Deployment",
  workload: "web",
  node: "node-3",
};

function talkers(differing: Partial<z.input<typeof Talkers>> = {}) {
  return Talkers.parse({
    by: "pod",
    metric: "opened",
    rankedBy: "opened",
    talkers: [{ ...WEB, opened: 288_121, perSecond: 80.03, share: 0.879 }],
    remainder: { rows: 12, opened: 2_760, share: 0.008 },
    unattributed: { opened: 37_000, share: 0.113 },
    total: { rows: 14, opened: 327_881 },
    exact: true,
    lack: {},
    missing: {},
    peaksAdded: false,
    window: WINDOW,
    ...differing,
  });
}
const top = (answer: unknown, around = {}) => conntrail("top", { answer: json(answer), ...around });

test("rows, what nobody is known to own, and all others stand below one another", async ({ expect }) => {
  expect((await top(talkers())).out)
    .toBe(`Top by pod, most opened first, 2026-11-21 11:00:00 to 2026-11-21 12:00:00 (UTC)

 opened  a second  share  pod                  of              node    cluster
288,121        80  87.9%  shop/web-7d9f-x2x4v  Deployment web  node-3  prod
 37,000         -  11.3%  (nobody known)       -               -       -
  2,760         -  0.8%   (12 or more others)  -               -       -
`);
});

test("in a narrow terminal columns are missing, and no name is cut", async ({ expect }) => {
  const { out } = await top(talkers(), { width: 44 });
  expect(out.split("\n").slice(2, 4)).toEqual([
    " opened  share  pod                  cluster",
    "288,121  87.9%  shop/web-7d9f-x2x4v  prod",
  ]);
});

test("how far a ranking is to be trusted is said below it", async ({ expect }) => {
  const { out } = await top(
    talkers({
      metric: "bytes",
      exact: false,
      lack: { opened: 5 },
      missing: { opened: 1_200 },
      window: { ...WINDOW, foldedUntil: "2026-11-21T11:59:00.000Z" },
    }),
  );
  expect(out).toContain("Nobody counts bytes here: ranked by opened.");
  expect(out).toContain("Whole up to 2026-11-21 11:59:00;");
  expect(out).toContain(
    "Each row may have up to 5 opened more. Whoever is not listed has 1,200 opened at most.",
  );
  expect(out).not.toContain("add up to more");
  const one = await top(talkers({ exact: false, missing: { opened: 73 } }));
  expect(one.out).toMatch(/\n\nWhoever is not listed has 73 opened at most\.\n$/);
  const peaks = await top(talkers({ unattributed: { opened: 90_000, share: 0.89 } }));
  expect(peaks.out).toContain("Each row is at its own peak");
});

test("what nobody is known to own is something, and it is said how to see whose it is", async ({
  expect,
}) => {
  const nobody = talkers({
    talkers: [],
    remainder: { rows: 0, opened: 0, share: 0 },
    unattributed: { opened: 15, share: 1 },
    total: { rows: 0, opened: 15 },
  });
  const { code, out } = await top(nobody);
  expect(code).toBe(0);
  expect(out).toMatch(
    /\n +15 +100\.0% +\(nobody known\)\n\nNobody is known to own these addresses: try --by address/,
  );
  const nothing = talkers({
    talkers: [],
    remainder: { rows: 0, opened: 0, share: 0 },
    unattributed: { opened: 0, share: 0 },
    total: { rows: 0, opened: 0 },
  });
  expect(await top(nothing)).toMatchObject({ code: 1, out: expect.stringContaining("Nothing was reported") });
});

test("of a service outside it is said what it is, how much reaches it, and through which addresses", async ({
  expect,
}) => {
  const { pod, kind, ...rest } = WEB;
  const row = {
    ...rest,
    pod,
    kind,
    natAddresses: ["192.168.50.10", "192.168.50.11", "fd00:50::10"],
    natAddressCount: 5,
    direct: false,
    entries: 40,
    opened: 7_200,
    openedPerSecond: 2,
    share: 1,
  };
  const answer = Sources.parse({
    peer: "fd00::9",
    port: 3306,
    protocol: "tcp",
    heldBy: [
      { cluster: "data", kind: "pod", name: "db-0", namespace: "mysql", workloadKind: null, workload: null },
    ],
    by: "pod",
    metric: "entries",
    rankedBy: "entries",
    sources: [row],
    remainder: { rows: 0, share: 0 },
    total: { entries: 40, opened: 7_200, openedPerSecond: 2 },
    exact: true,
    lack: {},
    missing: {},
    peaksAdded: false,
    window: WINDOW,
  });
  const { code, out } = await conntrail("peers [fd00::9]:3306", { answer: json(answer) });
  expect(code).toBe(0);
  expect(out).toBe(`Who reaches [fd00::9]:3306 (tcp), which is mysql/db-0 of data
40 at once at most, 7,200 opened, 2 a second, by pod, most entries first, 2026-11-21 11:00:00 to 2026-11-21 12:00:00 (UTC)

entries  share   pod                  of              as                              opened a second  node    cluster
     40  100.0%  shop/web-7d9f-x2x4v  Deployment web  192.168.50.10 192.168.50.11 +3                2  node-3  prod
`);
});

test("of a service outside all that nobody is known to own is something", async ({ expect }) => {
  const answer = Sources.parse({
    peer: "10.0.0.9",
    port: 3306,
    protocol: "tcp",
    heldBy: [],
    by: "pod",
    metric: "entries",
    rankedBy: "entries",
    sources: [],
    remainder: { rows: 0, share: 0 },
    unattributed: { entries: 15, share: 1 },
    total: { entries: 15 },
    exact: true,
    lack: {},
    missing: {},
    peaksAdded: false,
    window: WINDOW,
  });
  const { code, out } = await conntrail("peers 10.0.0.9:3306", { answer: json(answer) });
  expect([code, out]).toEqual([0, expect.stringMatching(/\(nobody known\)[^]*try --by address/)]);
});

test("ports that run out: how full, whose, and when none is left", async ({ expect }) => {
  const owner = { kind: "pod", name: WEB.pod, namespace: "shop", workloadKind: null, workload: null };
  const answer = PortsAnswer.parse({
    at: "2026-11-21T12:00:00.000Z",
    ports: [
      {
        cluster: "prod",
        node: "node-3",
        natAddress: "192.168.50.10",
        protocol: "tcp",
        peer: "10.0.0.9",
        peerPort: 3306,
        zone: 0,
        peerOwner: null,
        used: 60_000,
        available: 64_512,
        utilisation: 0.93,
        sources: 2,
        shares: [{ source: "10.244.0.11", owner, used: 57_000, share: 0.95 }],
        others: { sources: 1, used: 3_000 },
        trend: { points: [[1, 2]], perMinute: 451.2 },
        exhaustedAt: "2026-11-21T12:10:00.000Z",
        secondsToExhaustion: 600,
        takenAt: "2026-11-21T11:59:30.000Z",
        interrupted: false,
      },
    ],
    matching: 4,
    nodes: { reporting: 9, known: 8 },
    unlisted: 12,
  });
  const { code, out } = await conntrail("ports", { answer: json(answer), width: 130 });
  expect(code).toBe(0);
  expect(out).toBe(`NAT ports in use, 2026-11-21 12:00:00 (UTC)

full     used  available  as             towards        largest                    a minute  none left            node    cluster
93.0%  60,000     64,512  192.168.50.10  10.0.0.9:3306  shop/web-7d9f-x2x4v 95.0%       451  2026-11-21 12:10:00  node-3  prod

And 3 more rows: --limit.

8 of 9 reporting nodes tell of ports. What a node does not list has at most 12 in use.
`);
  const narrow = await conntrail("ports", { answer: json(answer), width: 80 });
  expect(narrow.out.split("\n").slice(2, 4)).toEqual([
    "full   towards        largest                    none left            node",
    "93.0%  10.0.0.9:3306  shop/web-7d9f-x2x4v 95.0%  2026-11-21 12:10:00  node-3",
  ]);
});

test("where nobody tells of ports it is not said that none is in use", async ({ expect }) => {
  const none = { at: "2026-11-21T12:00:00.000Z", ports: [], matching: 0, unlisted: 0 };
  const said = async (known: number, reporting: number) =>
    (await conntrail("ports", { answer: json({ ...none, nodes: { known, reporting } }) })).out;
  expect(await said(0, 0)).toMatch(/None that is known\.\n\nNo node reported/);
  expect(await said(0, 2)).toMatch(/0 of 2 reporting nodes tell of ports\. Agents with CONNTRAIL_LEASES=off/);
  expect(await said(2, 2)).toContain("at most 0 in use");
});

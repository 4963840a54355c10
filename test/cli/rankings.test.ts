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
  expect(out).toContain("No row is short of more than 5; nobody who is not listed has more than 1,200.");
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
});

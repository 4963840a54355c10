import { expect, test } from "vitest";
import { toStoredReport } from "../../api/stored.ts";
import { NAT_PORTS } from "../../db/ports/occupied.ts";
import { clusterByName, insertCluster } from "../../db/queries/clusters.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { DEFAULT_RETENTION, WINDOW } from "../../db/tiers.ts";
import { Fleet } from "../fleet/fleet.ts";
import { aDump, aReport, aWholeReport, NOW } from "../support/a-report.ts";
import { ownersOf } from "../support/owner-words.ts";
import { ADMIN, openService } from "../support/service.ts";

const MINUTE_MS = 60_000;

/** A node among others towards one peer of which the ports run out, minute by minute up to NOW. */
async function runningOut() {
  const service = await openService();
  const [from, to] = [NOW - 20 * MINUTE_MS, NOW + 100 * MINUTE_MS];
  const spec = { kind: "ports-exhausted", cluster: "shop", node: 1, from, to, ports: 28_232 } as const;
  const shape = { pods: 8, tempo: 0.3 };
  const clusters = ["shop", "other"].map((name) => ({ ...shape, name, nodes: name === "shop" ? 2 : 1 }));
  const fleet = new Fleet({ seed: 5, from: NOW - 30 * MINUTE_MS, clusters, trouble: [spec] });
  const last = new Map<string, number>();
  const reports = [];
  for (const { name } of clusters) await insertCluster(service.db, { name, createdAt: NOW });
  const ids = new Map<string, number>();
  for (const { name } of clusters) ids.set(name, (await clusterByName(service.db, name))!.id);
  const asked = { from: NOW - 24 * MINUTE_MS, to: NOW, intervalMs: MINUTE_MS };
  for (const { cluster, report } of fleet.reports(asked)) {
    reports.push(toStoredReport(report, ids.get(cluster)!, report.window.to));
    if (report.node.name === "shop-node-02") last.set("entries", heldTowards(report, fleet.truth[0]!.peer!));
  }
  for (let at = 0; at < reports.length; at += 48) await storeReports(service.db, reports.slice(at, at + 48));
  // A tick takes in who holds the addresses.
  await service.tick();
  const ask = (query = "") => service.ask("GET", `/v1/ports?${query}`, { token: ADMIN });
  return { service, ask, truth: fleet.truth[0]!, held: last.get("entries")! };
}

type Report = Parameters<typeof toStoredReport>[0];

function heldTowards({ flows }: Report, peer: string): number {
  const { addresses, groups } = flows!;
  return groups.peer.reduce((sum, at, row) => sum + (addresses[at] === peer ? groups.entries[row]! : 0), 0);
}

type RunningOut = Awaited<ReturnType<typeof runningOut>>;

/** Made once: it is most of the work. */
test("ports of one peer that run out stand first, with the Pod that takes them and when none is left; narrowed, before, and for whom", async () => {
  const made = await runningOut();
  await standFirst(made);
  await isNarrowed(made);
  await isSeenByItsOwn(made);
});

async function standFirst({ ask, truth, held }: RunningOut) {
  const { status, body } = await ask();
  expect(status).toBe(200);
  expect(body.nodes).toEqual({ reporting: 3, known: 3 });
  const [first] = body.ports;
  expect(first).toMatchObject({
    cluster: "shop",
    node: truth.node,
    protocol: "tcp",
    peer: truth.peer,
    peerPort: truth.peerPort,
    used: held,
    available: NAT_PORTS,
    utilisation: held / NAT_PORTS,
    sources: 1,
    shares: [
      {
        owner: { kind: "pod", name: truth.pods[0]!.name, workload: truth.pods[0]!.workload },
        used: held,
        share: 1,
      },
    ],
    others: { sources: 0, used: 0 },
    takenAt: new Date(NOW).toISOString(),
    interrupted: false,
  });
  const perMinute = 28_232 / (0.8 * 120);
  expect(first.trend.perMinute).toBeCloseTo(perMinute, 0);
  const right = NOW - 20 * MINUTE_MS + (NAT_PORTS / perMinute) * MINUTE_MS;
  expect(Math.abs(Date.parse(first.exhaustedAt) - right)).toBeLessThan(MINUTE_MS);
  expect(first.secondsToExhaustion).toBe(Math.round((Date.parse(first.exhaustedAt) - NOW) / 1000));
  const fills = body.ports.map(({ utilisation }: { utilisation: number }) => utilisation);
  expect(fills).toEqual(fills.toSorted((a: number, b: number) => b - a));
}

async function isNarrowed({ ask, truth }: RunningOut) {
  const [pod] = truth.pods;
  const culprit = (await ask("limit=1")).body.ports[0];
  for (const query of [
    `pod=${pod!.name}&namespace=${pod!.namespace}&port=${truth.peerPort}&limit=1`,
    `peer=${truth.peer}`,
    `peer=${truth.peer}&cluster=shop&node=${truth.node}&protocol=tcp&port=${truth.peerPort}`,
    `address=${culprit.natAddress}&limit=1`,
  ]) {
    const { body } = await ask(query);
    expect([query, body.ports]).toEqual([query, [culprit]]);
  }
  for (const query of ["cluster=other", "protocol=sctp", `peer=${truth.peer}&protocol=udp`, "pod=nobody"]) {
    const { status, body } = await ask(query);
    const peers = body.ports.map(({ peer }: { peer: string }) => peer);
    expect([query, status, peers.includes(truth.peer)]).toEqual([query, 200, false]);
  }
  const before = await ask(`peer=${truth.peer}&at=${NOW - 10 * MINUTE_MS}&since=5m`);
  expect(before.body.at).toBe(new Date(NOW - 10 * MINUTE_MS).toISOString());
  expect(before.body.ports[0].used).toBeLessThan(culprit.used * 0.6);
  expect(before.body.ports[0].trend.points).toHaveLength(5);
  const calm = await ask(`peer=${truth.peer}&at=${NOW - 21 * MINUTE_MS}`);
  expect(calm.body).toMatchObject({ ports: [], matching: 0, nodes: { reporting: 3, known: 3 } });
}

async function isSeenByItsOwn({ service, truth }: RunningOut) {
  const ask = async (query: string, token?: string) =>
    (await service.ask("GET", `/v1/ports?${query}`, { token })).status;
  const other = await service.token("read", "other");
  const { body } = await service.ask("GET", "/v1/ports", { token: other });
  expect(new Set(body.ports.map(({ cluster }: { cluster: string }) => cluster))).toEqual(new Set(["other"]));
  expect(body.nodes.reporting).toBe(1);
  expect([
    await ask("cluster=shop", other),
    await ask(`node=${truth.node}`, other),
    await ask("", await service.token("ingest", "shop")),
    await ask(""),
  ]).toEqual([404, 404, 403, 401]);
}

test("shares say whose they are, and what of the ports is not listed", async () => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const hostile = `=1+1"<script>\u202E\n`;
  const owners = ownersOf(
    [
      { address: "10.244.0.11", name: hostile, workload: "web", workloadKind: "Deployment" },
      { address: "192.168.50.20", kind: "service", namespace: "data", name: "db" },
    ],
    true,
  );
  const whole = aWholeReport();
  const ports = {
    ...whole.ports!,
    used: [7],
    sources: [5],
    shares: { row: [0, 0], source: [1, 0], used: [1, 4] },
  };
  expect((await service.post(token, { ...whole, owners, ports })).status).toBe(202);
  await service.tick();
  const { body } = await service.ask("GET", "/v1/ports", { token: ADMIN });
  expect(body).toEqual({
    at: new Date(NOW).toISOString(),
    matching: 1,
    nodes: { reporting: 1, known: 1 },
    unlisted: 0,
    ports: [
      expect.objectContaining({
        natAddress: "192.168.50.10",
        peer: "192.168.50.20",
        peerOwner: { kind: "service", namespace: "data", name: "db", workloadKind: null, workload: null },
        zone: 0,
        used: 7,
        sources: 5,
        shares: [
          {
            source: "10.244.0.11",
            owner: expect.objectContaining({
              kind: "pod",
              name: hostile.replace("\n", "\uFFFD"),
              workload: "web",
            }),
            used: 4,
            share: 4 / 7,
          },
          { source: "10.244.0.12", owner: null, used: 1, share: 1 / 7 },
        ],
        others: { sources: 3, used: 2 },
        trend: { points: [[NOW, 7]], perMinute: null },
        exhaustedAt: null,
        secondsToExhaustion: null,
      }),
    ],
  });
});

test("a node that tells no ports is counted, and not as one without any", async () => {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const report = aReport({ dump: aDump() });
  expect((await service.post(token, report)).status).toBe(202);
  const { body } = await service.ask("GET", "/v1/ports", { token: ADMIN });
  expect(body).toMatchObject({ ports: [], matching: 0, nodes: { reporting: 1, known: 0 }, unlisted: 0 });
});

test("a parameter that is out of bounds is refused, with the bounds", async () => {
  const service = await openService();
  await service.token("ingest", "prod");
  const ask = (query: string) => service.ask("GET", `/v1/ports?${query}`, { token: ADMIN });
  const kept = NOW - DEFAULT_RETENTION[WINDOW];
  for (const query of [
    "limit=1",
    "limit=100",
    "since=5m",
    "since=24h",
    `at=${kept}`,
    `at=${NOW + 86_400_000}`,
  ])
    expect([query, (await ask(query)).status]).toEqual([query, 200]);
  for (const [query, path, said] of [
    ["limit=0", "limit", "1 to 100"],
    ["limit=101", "limit", "1 to 100"],
    ["since=299s", "since", "5m to 24h"],
    ["since=25h", "since", "5m to 24h"],
    [`at=${kept - 1}`, "at", new Date(kept).toISOString()],
    ["namespace=shop", "namespace", "pod"],
    ["address=localhost", "address", "address"],
    ["natAddress=10.0.0.1", "natAddress", "not known"],
    ["port=65536", "port", "65535"],
    ["from=1", "from", "not known"],
  ] as const) {
    const { status, body } = await ask(query);
    expect([query, status, body.errors]).toEqual([
      query,
      422,
      [expect.objectContaining({ path: [path], message: expect.stringContaining(said) })],
    ]);
  }
});

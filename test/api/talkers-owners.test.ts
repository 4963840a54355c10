import { test } from "vitest";
import { aReport, NOW, someFlows } from "../support/a-report.ts";
import { ownersOf } from "../support/owner-words.ts";
import { ADMIN, openService } from "../support/service.ts";

const WEB = { address: "10.244.0.11", name: "web-1", workload: "web", workloadKind: "Deployment" };
const DB = {
  address: "192.168.50.20",
  namespace: "data",
  name: "db-0",
  workload: "db",
  workloadKind: "StatefulSet",
};
const DNS = { address: "10.96.0.10", kind: "service", namespace: "kube-system", name: "dns" };

/** 10.244.0.11 is a Pod, and who is behind two of the peers is known; of 10.244.0.12 nobody knows. */
async function withOwners(names: Partial<typeof WEB> = {}) {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  const owners = ownersOf([{ ...WEB, ...names }, DB, DNS], true);
  const opened = { opened: [15, 3], closed: [0, 0] };
  const flows = someFlows();
  Object.assign(flows.talkers, opened);
  Object.assign(flows.talkerRemainder, { opened: 0, closed: 0 });
  const { status, text } = await service.post(token, { ...aReport({ flows }), owners });
  if (status !== 202) throw new Error(text);
  await service.tick();
  const ask = (query: string) => service.ask("GET", `/v1/talkers?${query}`, { token: ADMIN });
  return { service, ask };
}

test("by Pod a row says whose it is, and what nobody owns is apart", async ({ expect }) => {
  const { ask } = await withOwners();
  for (const query of ["by=pod&metric=opened", "by=pod&metric=opened&node=node-1"]) {
    const { body } = await ask(query);
    expect(body).toMatchObject({
      by: "pod",
      exact: true,
      talkers: [
        {
          cluster: "prod",
          namespace: "shop",
          pod: "web-1",
          kind: "pod",
          workloadKind: "Deployment",
          workload: "web",
          node: "node-1",
          entries: 7,
          opened: 15,
          perSecond: 0.5,
          share: 15 / 18,
        },
      ],
      unattributed: { entries: 3, opened: 3, share: 3 / 18 },
      remainder: { rows: 0, opened: 0, share: 0 },
      total: { rows: 1, opened: 18 },
    });
  }
});

test.for([
  ["workload", { namespace: "shop", workloadKind: "Deployment", workload: "web" }],
  ["namespace", { namespace: "shop" }],
] as const)("by %s a row is named so", async ([by, named], { expect }) => {
  const { ask } = await withOwners();
  const { body } = await ask(`by=${by}`);
  expect(body.talkers).toEqual([expect.objectContaining({ ...named, entries: 7, share: 0.7 })]);
  expect(body.unattributed).toMatchObject({ entries: 3 });
});

test("by node and by address nothing is apart", async ({ expect }) => {
  const { ask } = await withOwners();
  expect((await ask("by=node")).body).toMatchObject({ talkers: [{ node: "node-1", entries: 10 }] });
  for (const by of ["node", "address", "peer", "flow"])
    expect((await ask(`by=${by}`)).body).not.toHaveProperty("unattributed");
});

test("peers say who held them at the end of the range", async ({ expect }) => {
  const { ask } = await withOwners();
  const { body } = await ask("by=peer&pod=web-1&namespace=shop");
  expect(body.talkers).toMatchObject([
    {
      peer: "192.168.50.20",
      port: 5432,
      protocol: "tcp",
      peerOwner: {
        kind: "pod",
        namespace: "data",
        name: "db-0",
        workloadKind: "StatefulSet",
        workload: "db",
      },
    },
  ]);
  const flows = await ask("by=flow&port=53");
  expect(flows.body.talkers).toMatchObject([
    { owner: null, node: "node-1", peerOwner: { kind: "service", name: "dns", workload: null } },
  ]);
});

test("a name that is not held by anybody has no talkers", async ({ expect }) => {
  const { ask } = await withOwners();
  for (const query of ["by=pod&pod=web-9", "by=flow&namespace=nowhere"]) {
    const { status, body } = await ask(query);
    expect([status, body.talkers]).toEqual([200, []]);
  }
});

test("the same as CSV, a line a row, then what is not attributed and the remainder", async ({ expect }) => {
  const { ask } = await withOwners();
  const { status, headers, text } = await ask("by=pod&metric=opened&format=csv");
  expect(status).toBe(200);
  expect(headers.get("content-type")).toMatch(/^text\/csv/);
  expect(headers.get("content-disposition")).toBe('attachment; filename="talkers-by-pod.csv"');
  const share = 15 / 18;
  expect(text.split("\r\n")).toEqual([
    "row,cluster,pod,kind,node,namespace,workloadKind,workload,entries,snatEntries,unreplied,peers,opened,closed,bytes,packets,perSecond,share",
    `talker,prod,web-1,pod,node-1,shop,Deployment,web,7,7,2,1,15,0,,,0.5,${share}`,
    `unattributed,,,,,,,,3,0,0,,3,0,,,,${3 / 18}`,
    "remainder,,,,,,,,0,0,0,,0,0,,,,0",
    "",
  ]);
});

test("a hostile name stays a name, in JSON and in CSV", async ({ expect }) => {
  const name = '=cmd|"/c calc"!A1,\u0000\r\n<script>';
  const { ask } = await withOwners({ name });
  const { body } = await ask("by=pod");
  expect(body.talkers[0].pod).toBe('=cmd|"/c calc"!A1,\uFFFD\uFFFD\uFFFD<script>');
  const { text } = await ask("by=pod&format=csv");
  expect(text).toContain(`talker,prod,"'=cmd|""/c calc""!A1,\uFFFD\uFFFD\uFFFD<script>",pod`);
  const { body: found } = await ask(`by=pod&pod=${encodeURIComponent(name)}`);
  expect(found.talkers).toHaveLength(1);
});

test("who held a peer before or after is not said to hold it", async ({ expect }) => {
  const { service, ask } = await withOwners();
  const later = ownersOf([
    { ...DB, until: NOW + 1000 },
    { ...DB, name: "other-0", since: NOW + 2000 },
  ]);
  const report = aReport({ sequence: 2, window: { from: NOW, to: NOW + 30_000 } });
  await service.post(await service.token("ingest", "prod"), { ...report, owners: later });
  service.clock.now = NOW + 60_000;
  await service.tick();
  const holder = async (to: number) =>
    (await ask(`by=peer&port=5432&from=${NOW - 60_000}&to=${to}`)).body.talkers[0].peerOwner?.name;
  expect([await holder(NOW), await holder(NOW + 1500), await holder(NOW + 30_000)]).toEqual([
    "db-0",
    undefined,
    "other-0",
  ]);
});

import { beforeEach, test } from "vitest";
import { MAX_NAMES } from "../../api/routes/sysctls.ts";
import { CHANGES_A_NODE, GONE_AFTER_MS, MAX_CHANGES_READ } from "../../db/queries/settings.ts";
import { storeReports } from "../../db/queries/reports.ts";
import { retireNode } from "../../db/queries/nodes.ts";
import { NOW } from "../support/a-report.ts";
import { applied, setTo } from "../support/owner-words.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";
import { aStoredReport } from "../support/stored-report.ts";

const HOUR = 3_600_000;
const MAX = "net.netfilter.nf_conntrack_max";
let service: Service;
const ask = async (query: string, token = ADMIN) => service.ask("GET", `/v1/sysctls?${query}`, { token });

/** Nodes node-1 and so on of prod, whose ids are their numbers; the last window of each began so long ago. */
async function fleet(...ages: number[]) {
  await storeReports(
    service.db,
    ages.map((age, i) =>
      aStoredReport({
        from: NOW - 30_000 - age,
        to: NOW - age,
        receivedAt: NOW - age,
        node: { name: `node-${i + 1}` },
      }),
    ),
  );
}

beforeEach(async () => {
  service = await openService();
  await service.token("ingest", "prod");
});

test("keys whose values differ come first, the odd one out before the others, then those that some lack", async ({
  expect,
}) => {
  await fleet(0, 0, 0);
  const common = { a: "1", [MAX]: "262144" };
  await applied(service.db, [
    setTo(NOW - 3 * HOUR, { ...common, z: "1" }, { nodeId: 1, cores: 8 }),
    setTo(NOW - 2 * HOUR, common, { nodeId: 2, cores: 8 }),
    setTo(NOW - 4 * HOUR, { ...common, [MAX]: "65536", z: "1" }, { nodeId: 3, cores: 8 }),
    setTo(NOW - HOUR, { ...common, [MAX]: "524288", z: "1" }, { nodeId: 3, cores: 8 }),
  ]);
  const { status, body } = await ask("cluster=prod");
  expect(status).toBe(200);
  expect(body.nodes).toBe(3);
  const time = (ago: number) => new Date(NOW - ago * HOUR).toISOString();
  const since = (earliest: number, latest = earliest) => ({ earliest: time(earliest), latest: time(latest) });
  expect(body.settings).toEqual([
    {
      cluster: "prod",
      key: MAX,
      kind: "sysctl",
      values: [
        { value: "524288", count: 1, nodes: ["node-3"], since: since(1) },
        { value: "262144", count: 2, nodes: ["node-1", "node-2"], since: since(3, 2) },
      ],
    },
    {
      cluster: "prod",
      key: "z",
      kind: "sysctl",
      values: [
        { value: null, count: 1, nodes: ["node-2"], since: since(2) },
        { value: "1", count: 2, nodes: ["node-1", "node-3"], since: since(4, 3) },
      ],
    },
    {
      cluster: "prod",
      key: "a",
      kind: "sysctl",
      values: [{ value: "1", count: 3, nodes: ["node-1", "node-2", "node-3"], since: since(4, 2) }],
    },
    {
      cluster: "prod",
      key: "cores",
      kind: "host",
      values: [{ value: "8", count: 3, nodes: ["node-1", "node-2", "node-3"], since: since(4, 2) }],
    },
  ]);
  expect(body.history).toEqual({
    from: time(7 * 24),
    to: time(0),
    changes: [
      { cluster: "prod", node: "node-3", key: MAX, kind: "sysctl", at: time(1), from: "65536", to: "524288" },
    ],
    more: false,
  });
});

test("a key or a node may be asked for alone", async ({ expect }) => {
  await fleet(0, 0);
  await applied(service.db, [
    setTo(NOW - HOUR, { a: "1", b: "1" }, { nodeId: 1 }),
    setTo(NOW - HOUR, { a: "2", b: "1" }, { nodeId: 2, kubeProxy: "ipvs" }),
    setTo(NOW, { a: "2", b: "3" }, { nodeId: 1 }),
  ]);
  service.clock.now = NOW + 1000;
  const told = async (query: string) => {
    const { body } = await ask(query);
    type Setting = { key: string; values: { value: string; nodes: string[] }[] };
    return [
      body.settings.map(({ key, values }: Setting) => [
        key,
        ...values.map(({ value, nodes }) => `${value} ${nodes.join(",")}`),
      ]),
      body.history.changes.map(({ key, from, to }: Record<string, string>) => `${key} ${from} ${to}`),
    ];
  };
  expect(await told("key=a")).toEqual([[["a", "2 node-1,node-2"]], ["a 1 2"]]);
  expect(await told("key=kubeProxy")).toEqual([[["kubeProxy", "null node-1", "ipvs node-2"]], []]);
  expect(await told("node=node-1")).toEqual([
    [
      ["a", "2 node-1"],
      ["b", "3 node-1"],
    ],
    ["a 1 2", "b 1 3"],
  ]);
  expect(await told("key=constructor")).toEqual([[], []]);
});

test("nodes that are retired or gone for long hold no value now; what changed stays told", async ({
  expect,
}) => {
  await fleet(0, GONE_AFTER_MS - 1, GONE_AFTER_MS, 1000);
  for (const nodeId of [1, 2, 3, 4])
    await applied(service.db, [
      setTo(NOW - 2 * HOUR, { a: "0" }, { nodeId }),
      setTo(NOW - HOUR, { a: "1" }, { nodeId }),
    ]);
  await retireNode(service.db, 1, "node-4", NOW);
  const { body } = await ask("");
  expect(body.settings[0].values).toMatchObject([{ count: 2, nodes: ["node-1", "node-2"] }]);
  expect(body.nodes).toBe(2);
  expect(body.history.changes).toHaveLength(4);
});

test("changes are those of the range, the newest first, and it is told that there are more", async ({
  expect,
}) => {
  await fleet(0);
  await applied(
    service.db,
    [5, 4, 3, 2, 1].map((ago) => setTo(NOW - ago * HOUR, { a: `${ago}`, b: `${ago % 2}` })),
  );
  const history = async (query: string) => {
    const { changes, more } = (await ask(query)).body.history;
    return [changes.map(({ key, to }: Record<string, string>) => `${key} ${to}`), more];
  };
  expect(await history("key=a&since=150m")).toEqual([["a 1", "a 2"], false]);
  expect(await history(`key=a&from=${NOW - 3 * HOUR}&to=${NOW - HOUR}`)).toEqual([["a 2", "a 3"], false]);
  expect(await history("limit=3")).toEqual([["a 1", "b 1", "a 2"], true]);
  expect(await history("limit=8")).toEqual([["a 1", "b 1", "a 2", "b 0", "a 3", "b 1", "a 4", "b 0"], false]);
});

test("where each change is one of a key, as many as asked for are not followed by more", async ({
  expect,
}) => {
  await fleet(0);
  await applied(
    service.db,
    [3, 2, 1].map((ago) => setTo(NOW - ago * HOUR, { a: `${ago}` })),
  );
  expect((await ask("limit=2")).body.history).toMatchObject({
    changes: [{ to: "1" }, { to: "2" }],
    more: false,
  });
  expect((await ask("limit=1")).body.history).toMatchObject({ changes: [{ to: "1" }], more: true });
});

test("changes of other keys are looked through for those of one, but not without end", async ({ expect }) => {
  await fleet(0);
  const from = NOW - HOUR;
  const changes = Array.from({ length: MAX_CHANGES_READ + 1 }, (_, i) =>
    setTo(from + i * 100, { a: i === 0 ? "0" : "1", b: `${i % 2}` }),
  );
  await applied(service.db, changes.slice(0, MAX_CHANGES_READ));
  expect((await ask("key=a")).body.history).toMatchObject({ changes: [{ from: "0", to: "1" }], more: false });
  await applied(service.db, [...changes.slice(MAX_CHANGES_READ), setTo(NOW - 1000, { a: "1", b: "9" })]);
  expect((await ask("key=a")).body.history).toMatchObject({ changes: [], more: true });
});

test("a value is had since its last change, as far as a node's last changes tell", async ({ expect }) => {
  await fleet(0);
  const from = NOW - HOUR;
  const changes = Array.from({ length: CHANGES_A_NODE + 1 }, (_, i) =>
    setTo(from + i * 1000, { a: `${i}`, b: "1" }),
  );
  const since = async (key: string) =>
    Date.parse((await ask(`key=${key}`)).body.settings[0].values[0].since.earliest);
  await applied(service.db, changes.slice(0, CHANGES_A_NODE));
  expect([await since("a"), await since("b")]).toEqual([from + (CHANGES_A_NODE - 1) * 1000, from]);
  await applied(service.db, changes.slice(CHANGES_A_NODE));
  expect(await since("b")).toBe(from + 1000);
});

test("of a value that many have some names are told, and how many they are", async ({ expect }) => {
  await fleet(...Array.from({ length: MAX_NAMES + 1 }, () => 0));
  await applied(
    service.db,
    Array.from({ length: MAX_NAMES }, (_, i) => setTo(NOW, { a: "1" }, { nodeId: i + 1 })),
  );
  const value = async () => {
    const { count, nodes } = (await ask("")).body.settings[0].values[0];
    return [count, nodes.length];
  };
  expect(await value()).toEqual([MAX_NAMES, MAX_NAMES]);
  await applied(service.db, [setTo(NOW, { a: "1" }, { nodeId: MAX_NAMES + 1 })]);
  expect(await value()).toEqual([MAX_NAMES + 1, MAX_NAMES]);
});

test.for([
  "pid=1",
  "key=",
  `key=${"x".repeat(129)}`,
  "limit=0",
  "limit=501",
  "since=1h&from=1",
  "cluster=UPPER",
])("%s is refused", async (query, { expect }) => {
  expect((await ask(query)).status).toBe(422);
});

test("a token of one cluster learns nothing of another; one that posts learns nothing", async ({
  expect,
}) => {
  await fleet(0);
  await applied(service.db, [setTo(NOW, { a: "1" })]);
  const reader = await service.token("read", "test");
  expect((await ask("", reader)).body).toMatchObject({ nodes: 0, settings: [] });
  expect((await ask("cluster=prod", reader)).status).toBe(404);
  expect((await ask("", await service.token("ingest", "prod"))).status).toBe(403);
});

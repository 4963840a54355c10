import { test } from "vitest";
import { attributedService, DATABASE, NODE_ADDRESS } from "../../support/attributed.ts";
import { ADMIN, openService, type Service } from "../../support/service.ts";

const AT = "2026-11-21T11:59:30Z";
let service: Service;
const ask = (query: string, token = ADMIN) => service.ask("GET", `/v1/attribution?${query}`, { token });
const leases = (query: string, token = ADMIN) =>
  service.ask("GET", `/v1/attribution/leases?${query}`, { token });

const ASKED = `address=${NODE_ADDRESS}:39510&peer=${DATABASE}:3306&at=${AT}`;

test("who was behind an address and port is told with the lease, the owner, and what was read", async ({
  expect,
}) => {
  service = await attributedService();
  const { status, body } = await ask(ASKED);
  expect(status).toBe(200);
  expect(body).toEqual({
    certainty: "certain",
    candidates: [
      {
        certainty: "certain",
        cluster: "prod",
        node: "node-1",
        via: "snat",
        source: "10.244.0.11",
        sourcePort: 50_000,
        owner: {
          kind: "pod",
          namespace: "shop",
          name: "web-1",
          uid: "u-1",
          workloadKind: "Deployment",
          workload: "web",
          node: "node-1",
          since: "2026-11-21T11:00:00.000Z",
          until: null,
        },
        lease: {
          natAddress: NODE_ADDRESS,
          natPort: 39_510,
          protocol: "tcp",
          peer: DATABASE,
          peerPort: 3306,
          zone: 0,
          opened: "2026-11-21T11:58:10.000Z",
          closed: null,
          lastSeen: expect.stringMatching(/^2026-11-21T1[12]:[05]/),
        },
        reasons: [],
      },
    ],
    more: 0,
    reasons: [],
    evidence: {
      asked: {
        address: NODE_ADDRESS,
        port: 39_510,
        protocol: "tcp",
        peer: DATABASE,
        peerPort: 3306,
        at: "2026-11-21T11:59:30.000Z",
        toleranceSeconds: 5,
      },
      nodes: [
        {
          cluster: "prod",
          node: "node-1",
          keyframeAt: "2026-11-21T11:58:00.000Z",
          windows: 4,
          from: "2026-11-21T11:58:00.000Z",
          to: "2026-11-21T12:00:00.000Z",
          complete: true,
          reasons: [],
          blind: [],
        },
      ],
    },
  });
});

test("without a peer all that had the port are listed; what is not known is null, and why it is not sure is told", async ({
  expect,
}) => {
  service = await attributedService();
  const { body } = await ask(`address=${NODE_ADDRESS}&port=39510&at=${AT}`);
  const pods = body.candidates.map(({ owner }: { owner: { name: string } }) => owner.name);
  expect([body.certainty, pods.toSorted()]).toEqual(["ambiguous", ["web-1", "web-2"]]);
  expect(body.evidence.asked).toMatchObject({ peer: null, peerPort: null });

  const other = await ask(`address=${NODE_ADDRESS}:39511&peer=${DATABASE}:3306&at=${AT}`);
  expect(other.body.candidates[0].owner).toMatchObject({
    name: "web-2",
    uid: null,
    workload: null,
    since: null,
  });
  const older = await ask(`address=${NODE_ADDRESS}:39513&peer=${DATABASE}:3306&at=${AT}`);
  expect(older.body).toMatchObject({
    certainty: "probable",
    candidates: [{ owner: { name: "web-1" }, lease: { opened: null } }],
  });
  expect(older.body.reasons).toContainEqual({
    code: "opened-unknown",
    text: expect.stringMatching(/^The flow began .*\.$/),
  });
});

test("addresses, ports, protocols and times may be written in several ways", async ({ expect }) => {
  service = await attributedService();
  for (const query of [
    `address=${NODE_ADDRESS}&port=39510&peer=${DATABASE}&peerPort=3306&at=${AT}`,
    `address=${NODE_ADDRESS}:39510&port=39510&peer=${DATABASE}:3306&peerPort=3306&at=${AT}`,
    `address=::ffff:${NODE_ADDRESS}&port=39510&peer=[::ffff:${DATABASE}]:3306&at=${AT}`,
    `${ASKED}&protocol=6&tolerance=0s`,
    `${ASKED}&protocol=TCP&tolerance=5m`,
    `${ASKED}&cluster=prod&node=node-1`,
    ASKED.replace(AT, String(Date.parse(AT))),
  ]) {
    const { body } = await ask(query);
    expect(body.candidates[0].owner.name, query).toBe("web-1");
  }

  const { body } = await ask(`address=${NODE_ADDRESS}:39510`);
  expect(body.evidence.asked).toMatchObject({ at: "2026-11-21T12:00:00.000Z", toleranceSeconds: 5 });
  const v6 = await ask("address=[fd00::9]:7&protocol=icmp");
  expect(v6.body.evidence.asked).toMatchObject({ address: "fd00::9", port: 7, protocol: "icmpv6" });
  const v4 = await ask("address=10.0.0.1:7&protocol=icmp");
  expect(v4.body.evidence.asked.protocol).toBe("icmp");
});

test("what cannot be asked is refused with the parameter that is wrong", async ({ expect }) => {
  service = await openService();
  for (const [query, parameter] of [
    ["", "address"],
    ["address=", "address"],
    ["address=10.0.0.300", "address"],
    ["address=10.0.0.1:65536", "address"],
    ["address=web-1:80", "address"],
    ["address=[10.0.0.1]:80", "address"],
    ["address=10.0.0.1:80&port=81", "port"],
    ["address=10.0.0.1&port=65536", "port"],
    ["address=10.0.0.1&port=-1", "port"],
    ["address=10.0.0.1&peer=10.0.0.2:80&peerPort=81", "peerPort"],
    ["address=10.0.0.1&peer=x", "peer"],
    ["address=10.0.0.1&protocol=xyz", "protocol"],
    ["address=10.0.0.1&at=yesterday", "at"],
    ["address=10.0.0.1&tolerance=301s", "tolerance"],
    ["address=10.0.0.1&tolerance=5", "tolerance"],
    ["address=10.0.0.1&node=", "node"],
    ["address=10.0.0.1&peer_port=1", "peer_port"],
  ]) {
    const { status, body } = await ask(query ?? "");
    expect([query, status, body.errors[0].path]).toEqual([query, 422, [parameter]]);
  }

  expect((await ask("address=10.0.0.1:80")).body.certainty).toBe("blind");
  const { body } = await ask("address=10.0.0.1:80&port=81");
  expect(body.errors).toEqual([{ path: ["port"], message: "is 81, and address says 80" }]);
});

test("the leases of a Pod or a source are listed with whose they are, the latest first, as JSON or CSV", async ({
  expect,
}) => {
  service = await attributedService();
  const { status, body } = await leases("pod=web-2&namespace=shop&since=10m");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    leases: [
      {
        natAddress: NODE_ADDRESS,
        natPort: 39_510,
        peer: "10.0.0.8",
        peerPort: 5432,
        opened: "2026-11-21T11:58:13.000Z",
      },
      {
        natAddress: NODE_ADDRESS,
        natPort: 39_511,
        peer: DATABASE,
        peerPort: 3306,
        opened: "2026-11-21T11:58:12.000Z",
      },
    ],
    more: 0,
    from: "2026-11-21T11:50:00.000Z",
    to: "2026-11-21T12:00:00.000Z",
    reasons: [],
    nodes: [{ cluster: "prod", node: "node-1", windows: 4 }],
  });
  expect(body.leases[0]).toMatchObject({
    cluster: "prod",
    node: "node-1",
    source: "10.244.0.12",
    sourcePort: 50_000,
    owner: { name: "web-2" },
    protocol: "tcp",
    reasons: [],
  });

  expect(await ports("source=10.244.0.11")).toEqual([39_510, 39_513]);
  expect(await ports("pod=web-2&peer=10.0.0.8:5432")).toEqual([39_510]);
  expect(await ports("pod=web-2&peer=10.0.0.9&peerPort=3306&protocol=tcp")).toEqual([39_511]);
  expect(await ports("pod=web-2&protocol=udp")).toEqual([]);
  expect(await ports(`pod=web-2&at=${AT}`)).toEqual([39_510, 39_511]);
  expect(await ports(`pod=web-2&at=${AT}&tolerance=0s`)).toEqual([39_510, 39_511]);
  expect(await ports("pod=web-2&at=2026-11-21T11:58:08Z&tolerance=0s")).toEqual([]);
  expect(await ports("pod=web-2&namespace=other")).toEqual([]);
  expect(await ports("pod=web-2&cluster=empty")).toEqual([]);
  const first = await leases("pod=web-2&limit=1");
  expect([first.body.leases.length, first.body.more]).toEqual([1, 1]);

  const { headers, text } = await leases("pod=web-2&peer=10.0.0.9&format=csv");
  expect(headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
  expect(headers.get("content-disposition")).toBe('attachment; filename="leases.csv"');
  const [heading, row, ...more] = text.split("\r\n");
  expect(heading?.split(",").slice(0, 6)).toEqual([
    "cluster",
    "node",
    "source",
    "sourcePort",
    "natAddress",
    "natPort",
  ]);
  expect(row).toMatch(
    /^prod,node-1,10\.244\.0\.12,50000,192\.168\.50\.10,39511,tcp,10\.0\.0\.9,3306,0,.*web-2/,
  );
  expect(more).toEqual([""]);
});

const ports = async (query: string) =>
  (await leases(query)).body.leases.map(({ natPort }: { natPort: number }) => natPort).toSorted();

test("leases that cannot be asked for are refused with the parameter that is wrong", async ({ expect }) => {
  service = await openService();
  for (const [query, parameter] of [
    ["", "pod"],
    ["pod=a&source=10.0.0.1", "source"],
    ["source=10.0.0.1&namespace=shop", "namespace"],
    [`pod=a&at=${AT}&since=1h`, "since"],
    [`pod=a&at=${AT}&from=${AT}`, "from"],
    [`pod=a&at=${AT}&to=${AT}`, "to"],
    ["pod=a&tolerance=5s", "tolerance"],
    ["pod=a&since=401d", "since"],
    ["pod=a&limit=0", "limit"],
    ["pod=a&limit=1001", "limit"],
    ["pod=a&peer=10.0.0.1:1&peerPort=2", "peerPort"],
    ["pod=a&format=xml", "format"],
    ["pod=a&workload=b", "workload"],
  ]) {
    const { status, body } = await leases(query ?? "");
    expect([query, status, body.errors[0].path]).toEqual([query, 422, [parameter]]);
  }
});

test("a token of one cluster learns nothing of another, not even that it is there; one that posts learns nothing", async ({
  expect,
}) => {
  service = await attributedService();
  const reader = await service.token("read", "empty");
  expect((await ask(ASKED, reader)).body).toMatchObject({ certainty: "blind", candidates: [] });
  const hidden = await ask(`${ASKED}&cluster=prod`, reader);
  expect([hidden.status, hidden.body.detail]).toEqual([
    404,
    (await ask(`${ASKED}&cluster=none`)).body.detail,
  ]);
  expect((await ask(`${ASKED}&node=node-1`, reader)).status).toBe(404);
  expect((await ask(ASKED, await service.token("ingest", "prod"))).status).toBe(403);
  expect((await leases("pod=web-1", reader)).body).toMatchObject({ leases: [], nodes: [] });
  expect((await leases("pod=web-1&cluster=prod", reader)).status).toBe(404);
  expect((await leases("pod=web-1", await service.token("ingest", "prod"))).status).toBe(403);
  const post = (token: string, query = "") =>
    service.ask("POST", `/v1/attribution?at=${AT}${query}`, { token, json: [`${NODE_ADDRESS}:39510`] });
  expect((await post(reader)).body.lines[0]).toMatchObject({ certainty: "blind", candidates: [] });
  expect((await post(reader, "&cluster=prod")).status).toBe(404);
  expect((await post(await service.token("ingest", "prod"))).status).toBe(403);
  expect((await service.ask("POST", "/v1/attribution", { json: [] })).status).toBe(401);
});

import { test } from "vitest";
import { DATABASE, NODE_1, post, reportOf, WEB } from "../support/peer-report.ts";
import { ADMIN, openService } from "../support/service.ts";

test("a peer of IPv6 stands in brackets, escaped or not", async ({ expect }) => {
  const service = await openService();
  const peer = "fd00::9";
  await post(
    service,
    "prod",
    reportOf([{ source: "fd00:1::5", peer, entries: 30, opened: 1 }], [{ ...WEB, address: "fd00:1::5" }]),
  );
  await service.tick();
  for (const path of [
    "[fd00::9]:3306",
    "%5Bfd00:0::0009%5D:3306",
    encodeURIComponent("[fd00::9]:3306"),
    "[fd00::9]",
  ]) {
    const { body } = await service.ask("GET", `/v1/peers/${path}/sources`, { token: ADMIN });
    expect(body).toMatchObject({
      peer,
      sources: [{ pod: "web-1", entries: 30, direct: true, natAddresses: [] }],
    });
  }
});

test("whoever holds the peer's address is named", async ({ expect }) => {
  const service = await openService();
  const held = { address: DATABASE, kind: "service", namespace: "data", name: "mysql" };
  await post(service, "north", reportOf([{ source: WEB.address, entries: 10, opened: 1 }], [held]));
  await service.tick();
  const { body } = await service.ask("GET", `/v1/peers/${DATABASE}:3306/sources`, { token: ADMIN });
  expect(body.heldBy).toEqual([
    {
      cluster: "north",
      kind: "service",
      namespace: "data",
      name: "mysql",
      workloadKind: null,
      workload: null,
    },
  ]);
});

test("the same as CSV: rows, what is not attributed, remainder and total; hostile names are inert", async ({
  expect,
}) => {
  const service = await openService();
  const hostile = { ...WEB, name: '=cmd|"x",\n<b>', workload: "+1" };
  await post(
    service,
    "prod",
    reportOf([{ source: WEB.address, natAddress: NODE_1, entries: 30, opened: 6 }], [hostile]),
  );
  await service.tick();
  const { headers, text } = await service.ask("GET", `/v1/peers/${DATABASE}:3306/sources?format=csv`, {
    token: ADMIN,
  });
  expect(headers.get("content-disposition")).toBe('attachment; filename="sources-by-pod.csv"');
  expect(text.split("\r\n")).toEqual([
    "row,cluster,pod,kind,namespace,workloadKind,workload,node,natAddresses,natAddressCount,direct,entries,unreplied,opened,closed,bytes,packets,openedPerSecond,share",
    `source,prod,"'=cmd|""x"",\uFFFD<b>",pod,shop,Deployment,'+1,node-1,${NODE_1},1,false,30,0,6,0,0,0,0.2,1`,
    "remainder,,,,,,,,,,,0,0,0,0,0,0,,0",
    "total,,,,,,,,,,,30,0,6,0,0,0,0.2,",
    "",
  ]);
});

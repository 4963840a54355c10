import { describe, test } from "vitest";
import { NOW } from "../support/a-report.ts";
import { aFilled, filled, MINUTE_MS, postInTime, pressures } from "../support/filling.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

const rfc = (at: number) => new Date(at).toISOString();
const minute = (number: number) => NOW + number * MINUTE_MS;

/** Three quiet windows, then full ones, all judged. */
async function aFull(until = 6): Promise<{ service: Service; token: string }> {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await postInTime(service, token, [...filled(0, 3, 0.1), ...filled(3, until, 0.95)]);
  await service.tick();
  return { service, token };
}

const ask = (service: Service, path: string, token = ADMIN) => service.ask("GET", path, { token });

describe("a table that fills", () => {
  test("is an anomaly after two windows, which ends after a quarter of an hour of quiet", async ({
    expect,
  }) => {
    const { service, token } = await aFull(4);
    expect(await pressures(service)).toEqual([]);
    await postInTime(service, token, [aFilled(4, 0.97)]);
    await service.tick();
    const [open, ...others] = await pressures(service, "");
    expect(others).toEqual([]);
    expect(open).toMatchObject({
      cluster: "prod",
      ruleVersion: "1.0",
      severity: "critical",
      state: "open",
      subject: { kind: "node", node: "node-1" },
      openedAt: rfc(minute(3)),
      resolvedAt: null,
      value: 0.97,
      limit: 0.9,
      unit: "ratio",
      peak: 0.97,
      muted: null,
      acknowledged: null,
    });
    await postInTime(service, token, filled(5, 19, 0.1));
    await service.tick();
    expect(await pressures(service, "state=resolved")).toEqual([]);
    await postInTime(service, token, [aFilled(19, 0.1)]);
    await service.tick();
    expect(await pressures(service, "state=open")).toEqual([]);
    const { body } = await ask(service, `/v1/anomalies/${open.id}`);
    expect(body).toMatchObject({ state: "resolved", resolvedAt: rfc(minute(5)), peak: 0.97, value: 0.97 });
    expect(body.events).toMatchObject([
      {
        transition: "opened",
        at: rfc(minute(5)),
        recordedAt: rfc(minute(5) + 1000),
        finding: { value: 0.97 },
      },
      { transition: "resolved", at: rfc(minute(20)), finding: { value: 0.1 } },
    ]);
    expect(body.deliveries).toEqual([]);
  });

  test("is written again after ten minutes, or where it is worse by a fifth, and no more often", async ({
    expect,
  }) => {
    const { service, token } = await aFull(5);
    const told = async () => {
      const [{ links: _, ...anomaly }] = await pressures(service);
      return anomaly;
    };
    const first = await told();
    await postInTime(service, token, filled(5, 14, 0.96));
    await service.tick();
    expect(await told()).toEqual(first);
    await postInTime(service, token, [aFilled(14, 0.96)]);
    await service.tick();
    expect(await told()).toMatchObject({ value: 0.96, lastAt: rfc(minute(15)), peak: 0.96 });
  });

  test("has links that answer", async ({ expect }) => {
    const { service } = await aFull();
    const [{ links }] = await pressures(service);
    expect(Object.keys(links)).toEqual(["series", "talkers"]);
    const series = await ask(service, links.series);
    expect(series.body.series).toMatchObject([{ labels: { cluster: "prod", node: "node-1" } }]);
    expect(series.body.series[0].points.map(([, value]: [number, number]) => value)).toContain(0.95);
    expect((await ask(service, links.talkers)).status).toBe(200);
  });
});

describe("anomalies are found by", () => {
  test("state, severity, names and time", async ({ expect }) => {
    const { service } = await aFull();
    const found: Record<string, number> = {
      "": 1,
      "state=resolved": 0,
      "cluster=prod&severity=critical&node=node-1": 1,
      "severity=warning": 0,
      "node=node-2": 0,
      "pod=web-1": 0,
      "namespace=shop": 0,
      "workload=web": 0,
      "subject=node-1": 1,
      [`to=${minute(3)}`]: 0,
      [`to=${minute(3) + 1}&from=${NOW}`]: 1,
      [`from=${minute(60)}&to=${minute(70)}`]: 1,
      "since=1m": 1,
    };
    for (const [query, count] of Object.entries(found))
      expect([query, (await pressures(service, query)).length]).toEqual([query, count]);
  });

  test("pages, the latest first, to the last one", async ({ expect }) => {
    const service = await openService();
    const token = await service.token("ingest", "prod");
    for (const name of ["a", "b", "c"]) await postInTime(service, token, filled(0, 4, 0.95, name));
    await service.tick();
    const nodes = [];
    for (let cursor = ""; ;) {
      const { body } = await ask(service, `/v1/anomalies?rule=table-pressure&limit=2${cursor}`);
      nodes.push(...body.anomalies.map(({ subject }: { subject: { node: string } }) => subject.node));
      if (!body.next) break;
      cursor = `&cursor=${body.next}`;
    }
    expect([...new Set(nodes)].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["a", "b", "c"]);
    expect((await ask(service, "/v1/anomalies?cursor=YQ==")).status).toBe(422);
  });

  test("whoever may read their cluster, and nobody else", async ({ expect }) => {
    const { service } = await aFull();
    const [{ id }] = await pressures(service);
    const [own, foreign] = [await service.token("read", "prod"), await service.token("read", "other")];
    expect((await ask(service, "/v1/anomalies", foreign)).body.anomalies).toEqual([]);
    for (const path of [`/v1/anomalies/${id}`, "/v1/anomalies/999", "/v1/anomalies/x"])
      expect([path, (await ask(service, path, foreign)).status]).toEqual([path, 404]);
    expect((await ask(service, `/v1/anomalies/${id}`, own)).status).toBe(200);
    const acknowledged = await service.ask("POST", `/v1/anomalies/${id}/acknowledge`, {
      token: foreign,
      json: {},
    });
    expect(acknowledged.status).toBe(404);
  });
});

describe("an acknowledgement", () => {
  test("says who is at it, in the history too", async ({ expect }) => {
    const { service } = await aFull();
    const [{ id }] = await pressures(service);
    const token = await service.token("read", "prod");
    const json = { by: "Ada", note: "on it" };
    const { status, body } = await service.ask("POST", `/v1/anomalies/${id}/acknowledge`, { token, json });
    expect(status).toBe(200);
    expect(body.acknowledged).toEqual({ at: rfc(service.clock.now), ...json });
    const { events } = (await ask(service, `/v1/anomalies/${id}`)).body;
    expect(events.at(-1)).toMatchObject({ transition: "acknowledged", ...json });
  });

  test("of what is over is refused", async ({ expect }) => {
    const { service, token } = await aFull();
    const [{ id }] = await pressures(service);
    await postInTime(service, token, filled(6, 22, 0.1));
    await service.tick();
    const { status, body } = await service.ask("POST", `/v1/anomalies/${id}/acknowledge`, {
      token: ADMIN,
      json: {},
    });
    expect([status, body.type]).toEqual([409, "urn:conntrail:problem:changed"]);
    expect((await ask(service, `/v1/anomalies/${id}`)).body.events).toHaveLength(2);
  });
});

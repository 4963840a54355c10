import { describe, test } from "vitest";
import { sql } from "drizzle-orm";
import { filled, MINUTE_MS, postInTime, pressures } from "../support/filling.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

const HOUR_MS = 3_600_000;
const transitions = async (service: Service): Promise<string[]> => {
  const [{ id }] = await pressures(service);
  const { body } = await service.ask("GET", `/v1/anomalies/${id}`, { token: ADMIN });
  return body.events.map(({ transition }: { transition: string }) => transition);
};

/** The service ticks every so often while nothing is reported. */
async function wait(service: Service, ms: number, everyMs: number): Promise<void> {
  for (const end = service.clock.now + ms; service.clock.now < end;) {
    service.clock.now += everyMs;
    await service.tick();
  }
}

async function aFull() {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await postInTime(service, token, filled(0, 4, 0.95));
  await service.tick();
  return { service, token };
}

describe("what is open on a node that says nothing", () => {
  test("stays, goes stale, and is as before once the node reports again", async ({ expect }) => {
    const { service, token } = await aFull();
    await wait(service, 9 * MINUTE_MS, 3 * MINUTE_MS);
    expect(await pressures(service)).toMatchObject([{ state: "open", stale: false }]);
    await wait(service, 3 * MINUTE_MS, 3 * MINUTE_MS);
    expect(await pressures(service)).toMatchObject([{ state: "open", stale: true }]);
    await postInTime(service, token, filled(20, 21, 0.95));
    await service.tick();
    expect(await pressures(service)).toMatchObject([{ state: "open", stale: false }]);
    // Meanwhile that the node was silent was what people were told.
    expect(await transitions(service)).toEqual(["opened", "stale", "unmuted"]);
  });

  test("ends after a day", async ({ expect }) => {
    const { service } = await aFull();
    await wait(service, 23 * HOUR_MS, 23 * HOUR_MS);
    expect(await pressures(service)).toMatchObject([{ state: "open" }]);
    await wait(service, HOUR_MS, HOUR_MS);
    expect(await pressures(service)).toMatchObject([{ state: "resolved" }]);
  });

  test("ends once the node is retired", async ({ expect }) => {
    const { service } = await aFull();
    await service.ask("POST", "/v1/clusters/prod/nodes/node-1/retire", { token: ADMIN });
    await wait(service, MINUTE_MS, MINUTE_MS);
    expect(await pressures(service)).toMatchObject([{ state: "resolved" }]);
    expect(await transitions(service)).toEqual(["opened", "resolved"]);
  });
});

test("clusters are looked at once a minute, and what was away for three has not watched", async ({
  expect,
}) => {
  const { service } = await aFull();
  const watched = async () =>
    (
      await service.db.all<{ at: number; since: number }>(
        sql`select watched_at as at, watched_since as since from upkeep`,
      )
    )[0];
  const begin = service.clock.now;
  expect(await watched()).toEqual({ at: begin, since: begin });
  await wait(service, 50_000, 10_000);
  expect(await watched()).toEqual({ at: begin, since: begin });
  await wait(service, 10_000, 10_000);
  expect(await watched()).toEqual({ at: begin + MINUTE_MS, since: begin });
  await wait(service, 3 * MINUTE_MS, 3 * MINUTE_MS);
  expect(await watched()).toEqual({ at: begin + 4 * MINUTE_MS, since: begin });
  await wait(service, 3 * MINUTE_MS + 1, 3 * MINUTE_MS + 1);
  expect(await watched()).toEqual({ at: service.clock.now, since: service.clock.now });
});

test("a node that falls silent among others is an anomaly, which inhibits what is open on it", async ({
  expect,
}) => {
  const { service, token } = await aFull();
  const others = ["b", "c", "d", "e"];
  const silent = async () => {
    const { body } = await service.ask("GET", "/v1/anomalies?rule=silent-node&state=all", { token: ADMIN });
    return body.anomalies;
  };
  for (let number = 4; number < 12; number += 1) {
    for (const name of others) await postInTime(service, token, filled(number, number + 1, 0.1, name));
    await service.tick();
  }
  expect(await silent()).toMatchObject([{ state: "open", subject: { node: "node-1" }, muted: null }]);
  expect(await pressures(service)).toMatchObject([{ state: "open", muted: "inhibited" }]);
});

test("what there is nothing left to remember of is forgotten", async ({ expect }) => {
  const { service, token } = await aFull();
  await postInTime(service, token, filled(4, 20, 0.1));
  await service.tick();
  const watches = async () =>
    (await service.db.all(sql`select 1 from watches where rule = 'table-pressure'`)).length;
  expect(await watches()).toBe(1);
  await wait(service, 7 * HOUR_MS, 7 * HOUR_MS);
  expect(await watches()).toBe(0);
});

test("anomalies are kept as long as days are, with their history", async ({ expect }) => {
  const { service, token } = await aFull();
  await postInTime(service, token, filled(4, 20, 0.1));
  await service.tick();
  const count = async () => [
    (await pressures(service)).length,
    (await service.db.all(sql`select 1 from anomaly_events where rule = 'table-pressure'`)).length,
  ];
  await wait(service, 399 * 24 * HOUR_MS, 399 * 24 * HOUR_MS);
  expect(await count()).toEqual([1, 2]);
  await wait(service, 48 * HOUR_MS, 48 * HOUR_MS);
  expect(await count()).toEqual([0, 0]);
});

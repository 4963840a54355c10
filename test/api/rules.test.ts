import { describe, test } from "vitest";
import { NOW } from "../support/a-report.ts";
import { filled, MINUTE_MS, postInTime, pressures } from "../support/filling.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

const RULES = "/v1/clusters/prod/rules";
const get = (service: Service) => service.ask("GET", RULES, { token: ADMIN });
const put = (service: Service, json: unknown) => service.ask("PUT", RULES, { token: ADMIN, json });

async function aService() {
  const service = await openService();
  return { service, token: await service.token("ingest", "prod") };
}

const pressureOf = (body: { rules: { name: string }[] }) =>
  body.rules.find(({ name }) => name === "table-pressure");

describe("rules", () => {
  test("are told with their ranges, and are as they are until they are set", async ({ expect }) => {
    const { service } = await aService();
    const { body } = await get(service);
    expect(body).toMatchObject({ cluster: "prod", version: 0, at: null });
    expect(pressureOf(body)).toMatchObject({
      scope: "node",
      enabled: true,
      thresholds: { warn: { value: 0.8, default: 0.8, min: 0.05, max: 1, unit: "ratio", set: false } },
    });
  });

  test("are set all at once: what is left out has its default again", async ({ expect }) => {
    const { service } = await aService();
    const first = await put(service, { rules: { "table-pressure": { thresholds: { warn: 0.85 } } } });
    expect([first.status, first.body.version]).toEqual([200, 1]);
    expect(pressureOf(first.body)).toMatchObject({ thresholds: { warn: { value: 0.85, set: true } } });
    const second = await put(service, { version: 1, rules: { "table-pressure": { enabled: false } } });
    expect(second.body).toEqual((await get(service)).body);
    expect(pressureOf(second.body)).toMatchObject({
      enabled: false,
      thresholds: { warn: { value: 0.8, set: false } },
    });
  });

  test("that are wrong are refused, each with what is wrong with it, and nothing is set", async ({
    expect,
  }) => {
    const { service } = await aService();
    const { status, body } = await put(service, {
      rules: { nonsense: {}, "table-pressure": { thresholds: { warn: 2, sometimes: 1 } } },
    });
    expect(status).toBe(422);
    expect(body.errors.map(({ path }: { path: string[] }) => path.join("."))).toEqual([
      "rules.nonsense",
      "rules.table-pressure.thresholds.warn",
      "rules.table-pressure.thresholds.sometimes",
    ]);
    expect((await put(service, { rules: { "table-pressure": { threshold: {} } } })).status).toBe(422);
    expect((await put(service, {})).status).toBe(422);
    expect((await get(service)).body.version).toBe(0);
  });

  test("that somebody else has set meanwhile are not overwritten", async ({ expect }) => {
    const { service } = await aService();
    await put(service, { rules: {} });
    const { status, body } = await put(service, { version: 0, rules: {} });
    expect([status, body.type]).toEqual([409, "urn:conntrail:problem:changed"]);
    expect(body.detail).toContain("version 1");
  });

  test("are those of the cluster they were set for, from then on", async ({ expect }) => {
    const { service, token } = await aService();
    const other = await service.token("ingest", "other");
    await put(service, { rules: { "table-pressure": { thresholds: { warn: 0.96, critical: 0.97 } } } });
    for (const to of [token, other]) await postInTime(service, to, filled(0, 4, 0.95));
    await service.tick();
    expect((await pressures(service)).map(({ cluster }: { cluster: string }) => cluster)).toEqual(["other"]);
    await put(service, { rules: {} });
    await postInTime(service, token, filled(4, 8, 0.95));
    await service.tick();
    expect(await pressures(service, "cluster=prod")).toMatchObject([{ ruleVersion: "1.2" }]);
  });

  test("that are switched off end what is open", async ({ expect }) => {
    const { service, token } = await aService();
    await postInTime(service, token, filled(0, 4, 0.95));
    await service.tick();
    await put(service, { rules: { "table-pressure": { enabled: false } } });
    service.clock.now += 2 * MINUTE_MS;
    await service.tick();
    expect(await pressures(service)).toMatchObject([{ state: "resolved" }]);
  });
});

describe("a backtest", () => {
  const ask = (service: Service, json: object, token = ADMIN) =>
    service.ask("POST", "/v1/backtest", { token, json });
  const about = { cluster: "prod", from: new Date(NOW).toISOString() };

  test("takes how long ago, claims nothing of what no window tells, and knows its nodes", async ({
    expect,
  }) => {
    const { service, token } = await aService();
    await postInTime(service, token, filled(0, 3, 0.1));
    expect(await ask(service, { cluster: "prod", from: "2d" })).toMatchObject({ status: 200 });
    const { body } = await ask(service, { cluster: "prod", from: "3d", to: "2d" });
    expect(body).toMatchObject({ windows: 0, until: null });
    const misspelt = await ask(service, { ...about, nodes: ["no-such"] });
    expect([misspelt.status, misspelt.body.errors]).toEqual([
      422,
      [{ path: ["nodes", 0], message: expect.stringMatching(/^no such node; there are \w/) }],
    ]);
  });

  test("is one at a time", async ({ expect }) => {
    const { service, token } = await aService();
    await postInTime(service, token, filled(0, 3, 0.1));
    const answers = await Promise.all([ask(service, about), ask(service, about)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 503]);
    expect(await ask(service, about)).toMatchObject({ status: 200 });
  });

  test("finds what was found live, and what other thresholds would have found", async ({ expect }) => {
    const { service, token } = await aService();
    const trace = [
      ...filled(0, 3, 0.1),
      ...filled(3, 9, 0.95),
      ...filled(9, 26, 0.1),
      ...filled(26, 32, 0.6, "node-2"),
    ];
    for (const report of trace) {
      await postInTime(service, token, [report]);
      await service.tick();
    }
    const live = (await pressures(service)).map(
      ({ rule, ruleVersion, subject, severity, openedAt, resolvedAt, peak }: Record<string, unknown>) => ({
        rule,
        ruleVersion,
        subject,
        severity,
        openedAt,
        resolvedAt,
        peak,
      }),
    );
    expect(live).toMatchObject([{ resolvedAt: new Date(NOW + 9 * MINUTE_MS).toISOString() }]);
    const of = (openings: { rule: string }[]) => openings.filter(({ rule }) => rule === "table-pressure");
    const again = await ask(service, about);
    expect(of(again.body.openings)).toMatchObject(live);
    expect(again.body).toMatchObject({ windows: 32, stopped: false, more: 0 });
    const lower = { "table-pressure": { thresholds: { warnClose: 0.4, warn: 0.5 } } };
    const other = await ask(service, { ...about, rules: lower });
    expect(of(other.body.openings)).toMatchObject([
      { severity: "critical" },
      { severity: "warning", resolvedAt: null },
    ]);
    expect(await pressures(service)).toHaveLength(1);
    const off = await ask(service, { ...about, rules: { "table-pressure": { enabled: false } } });
    expect(of(off.body.openings)).toEqual([]);
  });

  test("is for those who may read the cluster, of a time there is, by rules there are", async ({
    expect,
  }) => {
    const { service } = await aService();
    const foreign = await service.token("read", "other");
    service.clock.now = NOW + MINUTE_MS;
    expect((await ask(service, about, foreign)).status).toBe(404);
    expect((await ask(service, { ...about, to: about.from })).status).toBe(422);
    expect((await ask(service, { ...about, rules: { nonsense: {} } })).status).toBe(422);
    expect((await ask(service, about)).body).toMatchObject({ openings: [], windows: 0 });
  });
});

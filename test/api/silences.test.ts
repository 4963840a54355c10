import { describe, test } from "vitest";
import { filled, MINUTE_MS, postInTime, pressures } from "../support/filling.ts";
import { ADMIN, openService, type Service } from "../support/service.ts";

const words = { author: "Ada", reason: "moving house" };
const post = (service: Service, json: object, token = ADMIN) =>
  service.ask("POST", "/v1/silences", { token, json: { ...words, ...json } });
const list = async (service: Service, query = "", token = ADMIN) =>
  (await service.ask("GET", `/v1/silences${query}`, { token })).body.silences;
const transitions = async (service: Service): Promise<[string, string | null][]> => {
  const [{ id }] = await pressures(service);
  const { body } = await service.ask("GET", `/v1/anomalies/${id}`, { token: ADMIN });
  return body.events.map((event: { transition: string; muted: string | null }) => [
    event.transition,
    event.muted,
  ]);
};

async function aService() {
  const service = await openService();
  return { service, token: await service.token("ingest", "prod") };
}

describe("a silence", () => {
  test("keeps quiet about what fits, and when it ends what is still wrong is told once", async ({
    expect,
  }) => {
    const { service, token } = await aService();
    const { status } = await post(service, { cluster: "prod", matcher: { node: "node-*" }, for: "10m" });
    expect(status).toBe(201);
    await postInTime(service, token, filled(0, 4, 0.95));
    await service.tick();
    expect(await pressures(service)).toMatchObject([{ state: "open", muted: "silence" }]);
    for (const until of [7, 10, 12, 14]) {
      await postInTime(service, token, filled(until - 3, until, 0.95));
      await service.tick();
    }
    expect(await pressures(service)).toMatchObject([{ muted: null }]);
    expect(await transitions(service)).toEqual([
      ["opened", "silence"],
      ["unmuted", null],
    ]);
  });

  test("that comes later mutes what is open within a minute, and one that is ended lets it speak", async ({
    expect,
  }) => {
    const { service, token } = await aService();
    await postInTime(service, token, filled(0, 4, 0.95));
    await service.tick();
    const { body } = await post(service, { matcher: { rule: "table-pressure" }, for: "2h" });
    service.clock.now += MINUTE_MS;
    await service.tick();
    expect(await pressures(service)).toMatchObject([{ muted: "silence" }]);
    expect((await service.ask("DELETE", `/v1/silences/${body.id}`, { token: ADMIN })).status).toBe(204);
    service.clock.now += MINUTE_MS;
    await service.tick();
    expect(await pressures(service)).toMatchObject([{ muted: null }]);
    expect(await transitions(service)).toEqual([
      ["opened", null],
      ["unmuted", null],
    ]);
    expect(await list(service)).toEqual([]);
    expect(await list(service, "?ended=true")).toMatchObject([{ id: body.id, state: "ended", ...words }]);
  });

  test("of something else changes nothing", async ({ expect }) => {
    const { service, token } = await aService();
    await service.token("read", "other");
    await post(service, { matcher: { node: "node-2" }, for: "2h" });
    await post(service, { cluster: "other", matcher: { node: "node-1" }, for: "2h" });
    await post(service, {
      matcher: { node: "node-1" },
      startsAt: new Date(service.clock.now + 3_600_000),
      for: "2h",
    });
    await postInTime(service, token, filled(0, 4, 0.95));
    await service.tick();
    expect(await pressures(service)).toMatchObject([{ muted: null }]);
    expect((await list(service)).map(({ state }: { state: string }) => state)).toEqual([
      "pending",
      "active",
      "active",
    ]);
  });

  test.for([
    [{ for: "2h" }, "matcher"],
    [{ matcher: {}, for: "2h" }, "matcher"],
    [{ matcher: { nod: "x" }, for: "2h" }, "matcher.nod"],
    [{ matcher: { node: "x" } }, "endsAt"],
    [{ matcher: { node: "x" }, for: "2h", endsAt: "2026-11-22T00:00:00Z" }, "endsAt"],
    [{ matcher: { node: "x" }, endsAt: "2026-11-21T12:00:00Z" }, "endsAt"],
    [{ matcher: { node: "x" }, for: "91d" }, "for"],
    [{ matcher: { node: "x" }, for: "2h", cluster: "nowhere" }, "cluster"],
    [{ matcher: { node: "x" }, for: "2h", reason: "" }, "reason"],
  ] as const)("%j is refused", async ([json, path], { expect }) => {
    const { service } = await aService();
    const { status, body } = await post(service, json);
    expect([status, body.errors[0].path.join(".")]).toEqual([422, path]);
    expect(await list(service)).toEqual([]);
  });

  test("of another cluster is not told to whoever reads one", async ({ expect }) => {
    const { service } = await aService();
    const token = await service.token("read", "other");
    await post(service, { cluster: "prod", matcher: { node: "x" }, for: "2h" });
    await post(service, { matcher: { cluster: "prod" }, for: "2h" });
    await post(service, { matcher: { node: "x" }, for: "2h" });
    expect(await list(service, "", token)).toMatchObject([{ id: 3, cluster: null }]);
    expect((await service.ask("DELETE", "/v1/silences/99", { token: ADMIN })).status).toBe(404);
  });
});

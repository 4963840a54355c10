import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { onTestFinished, test } from "vitest";
import { openLibsql } from "../../../db/libsql.ts";
import { aReport } from "../../support/a-report.ts";
import { ADMIN, openService } from "../../support/service.ts";

test("while another process writes to the file reports are put off, and afterwards all is as before", async ({
  expect,
}) => {
  const folder = await mkdtemp(join(tmpdir(), "conntrail-busy-"));
  const url = `file:${join(folder, "x.db")}`;
  const database = await openLibsql({ url });
  await database.migrate();
  const other = createClient({ url });
  onTestFinished(async () => {
    other.close();
    database.close();
    await rm(folder, { recursive: true });
  });
  const service = await openService({ db: database.db });
  const token = await service.token("ingest", "prod");
  await service.post(token, aReport({ sequence: 1 }));

  const lock = await other.transaction("write");
  const putOff = await Promise.all([2, 3].map((sequence) => service.post(token, aReport({ sequence }))));
  expect(putOff.map(({ status, headers }) => [status, headers.has("retry-after")])).toEqual([
    [503, true],
    [503, true],
  ]);
  await lock.rollback();

  expect((await service.post(token, aReport({ sequence: 2 }))).status).toBe(202);
  await service.ask("POST", "/v1/clusters", { token: ADMIN, json: { name: "later" } });
  const [seen] = (await other.execute("select count(*) as windows from samples")).rows;
  expect(seen?.["windows"]).toBe(2);
  const clusters = await other.execute("select name from clusters order by name");
  expect(clusters.rows.map(({ name }) => name)).toEqual(["later", "prod"]);
}, 20_000);

import { test } from "vitest";
import written from "../../api/openapi.json" with { type: "json" };
import { openapiDocument } from "../../api/openapi.ts";
import { openService } from "../support/service.ts";

test("the written contract is what the routes say", ({ expect }) => {
  expect(written).toEqual(JSON.parse(JSON.stringify(openapiDocument())));
});

test("the service serves the written contract, and points to it", async ({ expect }) => {
  const service = await openService();
  expect((await service.ask("GET", "/openapi.json")).body).toEqual(written);
  expect((await service.ask("GET", "/")).body).toEqual({ name: "conntrail", openapi: "/openapi.json" });
});

test("the contract refers to nothing it does not hold", ({ expect }) => {
  const referred = [...JSON.stringify(written).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name,
  );
  expect(Object.keys(written.components.schemas)).toEqual(expect.arrayContaining(referred));
});

test("a column of the report is told with its elements and its limit", ({ expect }) => {
  expect(written.components.schemas.ReportGroups.properties.natAddress).toMatchObject({
    type: "array",
    maxItems: 4096,
    items: { type: ["integer", "null"] },
  });
});

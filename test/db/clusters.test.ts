import { freshDb } from "#fresh-db";
import { describe, test } from "vitest";
import { clusterByName, insertCluster, listClusters } from "../../db/queries/clusters.ts";

describe("clusters", () => {
  test("a name is taken once", async ({ expect }) => {
    const db = await freshDb();
    const first = await insertCluster(db, { name: "prod", createdAt: 5 });
    expect(first).toEqual({ id: 1, name: "prod", createdAt: 5 });
    expect(await insertCluster(db, { name: "prod", createdAt: 6 })).toBeUndefined();
    expect(await clusterByName(db, "prod")).toEqual(first);
  });

  test("are listed by name", async ({ expect }) => {
    const db = await freshDb();
    for (const name of ["b", "a"]) await insertCluster(db, { name, createdAt: 1 });
    expect((await listClusters(db)).map((cluster) => cluster.name)).toEqual(["a", "b"]);
  });
});

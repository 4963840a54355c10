import { expect, test } from "vitest";
import { keyOf } from "../../../db/fold/keys.ts";
import type { Table } from "../../../db/fold/table.ts";
import { Narrowing } from "../../../db/talkers/narrowing.ts";

const pod = (namespace: string, name: string) =>
  keyOf("owner", { kind: "pod", namespace, name, workloadKind: "", workload: "", node: "n" });

test("rows that stand as they are keep their bounds, and what of the rest would match nobody knows", () => {
  const table: Table = {
    keys: [pod("shop", "a"), pod("shops", "shop"), pod("shop", "b")],
    columns: { entries: [1, 2, 3], opened: [4, 5, 6] },
    rest: { rows: 7, entries: 8, opened: 9 },
    lack: { entries: 2 },
    miss: { entries: 3, opened: 1 },
  };
  const narrowing = new Narrowing("pod", { namespace: "shop" }, "cluster");
  expect(narrowing.dimension).toBe("owner");
  expect(narrowing.table(table)).toEqual({
    keys: [pod("shop", "a"), pod("shop", "b")],
    columns: { entries: [1, 3], opened: [4, 6] },
    rest: { rows: 0 },
    lack: { entries: 2 },
    miss: { entries: 3, opened: 1 },
  });
  expect(narrowing.peaksAdded).toBe(false);
});

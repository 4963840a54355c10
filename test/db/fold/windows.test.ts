import { describe, expect, it } from "vitest";
import { fieldsOf, keyOf, NOBODY } from "../../../db/fold/keys.ts";
import type { Bucket, Dimension, Owner } from "../../../db/fold/table.ts";
import {
  CLUSTER_KEYS,
  ClusterFold,
  foldBuckets,
  foldWindows,
  MAX_CANDIDATES,
  NODE_KEYS,
} from "../../../db/fold.ts";
import { aSegment, type GroupRow } from "../../support/stored-report.ts";

/** An empty object matches any. */
const NONE = expect.toSatisfy((bounds: object) => Object.keys(bounds).length === 0);

const MINUTE = { start: 60_000, end: 120_000 };
const NEXT = { start: 120_000, end: 180_000 };
const nobody = () => undefined;
const pod = (name: string, more: Partial<Owner> = {}): Owner => ({
  kind: "pod",
  namespace: "shop",
  name,
  workloadKind: "Deployment",
  workload: "web",
  ...more,
});
const aWindow = (rows: GroupRow[], start = MINUTE.start, more: Parameters<typeof aSegment>[1] = {}) => ({
  start,
  end: start + 30_000,
  segment: aSegment(rows, more),
});

/** Rows of a table by their keys' fields, with one measure. */
function rowsOf(bucket: Bucket, dimension: Dimension, measure: "entries" | "opened" | "bytes" = "entries") {
  const { keys, columns } = bucket[dimension] ?? { keys: [], columns: {} };
  return keys.map((key, row) => [
    Object.values(fieldsOf(dimension, key)).filter(Boolean).join(" "),
    columns[measure]?.[row],
  ]);
}

describe("the bucket of a node", () => {
  it("takes gauges of windows that reach into it, and counts of those that begin in it", () => {
    const across = { ...aWindow([{ source: "10.0.0.1", entries: 5, opened: 3 }], NEXT.start - 10_000) };
    expect(rowsOf(foldWindows(MINUTE, [across], nobody), "source", "opened")).toEqual([["10.0.0.1", 3]]);
    expect(rowsOf(foldWindows(MINUTE, [across], nobody), "source")).toEqual([["10.0.0.1", 5]]);
    const next = foldWindows(NEXT, [across], nobody);
    expect(rowsOf(next, "source")).toEqual([["10.0.0.1", 5]]);
    expect(rowsOf(next, "group")).toEqual([["10.0.0.1 8.8.8.8 443 6", 5]]);
    for (const table of [next.source, next.group])
      for (const part of [table?.columns, table?.rest, table?.lack, table?.miss])
        expect(part).not.toHaveProperty("opened");
  });

  it("is empty where a window only touches it", () => {
    const before = aWindow([{ source: "10.0.0.1", entries: 5 }], MINUTE.start - 30_000);
    const after = aWindow([{ source: "10.0.0.1", entries: 5 }], MINUTE.end);
    expect(foldWindows(MINUTE, [before, after], nobody)).toEqual({});
  });

  it("has two rows of an address that went from one Pod to another", () => {
    const rows = [{ source: "10.0.0.1", entries: 2, opened: 1 }];
    const holders = (_: string, from: number) => pod(from < MINUTE.start + 30_000 ? "web-1" : "web-2");
    const bucket = foldWindows(MINUTE, [aWindow(rows), aWindow(rows, MINUTE.start + 30_000)], holders);
    expect(rowsOf(bucket, "source")).toEqual([
      ["10.0.0.1 pod shop web-1 Deployment web", 2],
      ["10.0.0.1 pod shop web-2 Deployment web", 2],
    ]);
    expect(rowsOf(bucket, "group", "opened").map(([, opened]) => opened)).toEqual([1, 1]);
  });

  it("asks who held an address in the window's own time", () => {
    const asked: unknown[] = [];
    foldWindows(MINUTE, [aWindow([{ source: "10.0.0.1", entries: 1 }])], (...of) => void asked.push(of));
    expect(asked).toContainEqual(["10.0.0.1", MINUTE.start, MINUTE.start + 30_000]);
  });

  it("adds up what an address has that the list of addresses has twice", () => {
    const window = aWindow([
      { source: "10.0.0.1", entries: 2, bytes: 7 },
      { source: "10.0.0.2", entries: 3, bytes: 9 },
    ]);
    const segment = {
      ...window.segment,
      addresses: window.segment.addresses.map((address) => address.replace("10.0.0.2", "10.0.0.1")),
    };
    const bucket = foldWindows(MINUTE, [{ ...window, segment }], nobody);
    expect(rowsOf(bucket, "source")).toEqual([["10.0.0.1", 5]]);
    expect(rowsOf(bucket, "source", "bytes")).toEqual([["10.0.0.1", 16]]);
    expect(rowsOf(bucket, "group")).toEqual([["10.0.0.1 8.8.8.8 443 6", 5]]);
  });

  it("has of a source the bytes of its listed groups, and says what others may add", () => {
    const rows = [
      { source: "10.0.0.1", peer: "1.1.1.1", entries: 1, bytes: 5 },
      { source: "10.0.0.1", entries: 1, bytes: 7 },
    ];
    const { source } = foldWindows(
      MINUTE,
      [aWindow(rows, MINUTE.start, { groupRemainder: { groups: 2, entries: 0, unreplied: 0, bytes: 9 } })],
      nobody,
    );
    expect(source).toMatchObject({
      columns: { bytes: [12] },
      rest: { bytes: 9 },
      lack: { bytes: 9 },
      miss: NONE,
    });
  });

  it("bounds by the report's error what a listed row may lack", () => {
    const rest = {
      talkerRemainder: { sources: 3, entries: 50, snatEntries: 1, unreplied: 2 },
      groupRemainder: { groups: 4, entries: 50, unreplied: 2 },
    };
    const rows = [{ source: "10.0.0.1", entries: 9 }];
    const bucket = (more: object) =>
      foldWindows(MINUTE, [aWindow(rows, MINUTE.start, { ...rest, ...more })], nobody);
    expect(bucket({})).toMatchObject({
      source: { lack: NONE, miss: { entries: 50 } },
      group: { lack: NONE, miss: { entries: 50 } },
    });
    expect(bucket({ untracked: 20, error: { sources: 3, groups: 2 } })).toMatchObject({
      source: { lack: { entries: 3, snatEntries: 1, unreplied: 2, peers: 3 } },
      group: { lack: { entries: 2, snatEntries: 1, unreplied: 2 } },
    });
    expect(bucket({ untracked: 20 })).toMatchObject({
      source: { lack: { entries: 20 } },
      group: { lack: { entries: 20 } },
    });
  });

  it("lists all of NODE_KEYS groups, and of one more the largest", () => {
    const rows = (n: number) =>
      Array.from({ length: n }, (_, i) => ({ source: "10.0.0.1", peerPort: 1000 + i, entries: 1 + i }));
    const fold = (n: number) => foldWindows(MINUTE, [aWindow(rows(n))], nobody).group;
    expect(fold(NODE_KEYS)).toMatchObject({ rest: { rows: 0 }, miss: NONE });
    expect(fold(NODE_KEYS)?.keys).toHaveLength(NODE_KEYS);
    expect(fold(NODE_KEYS + 1)?.keys).toHaveLength(NODE_KEYS);
    expect(fold(NODE_KEYS + 1)).toMatchObject({ rest: { rows: 1, entries: 1 }, miss: { entries: 1 } });
  });
});

describe("the bucket of a cluster", () => {
  const fold = (...nodes: [string, GroupRow[][], (address: string) => Owner | undefined][]) => {
    const cluster = new ClusterFold(MINUTE);
    for (const [name, windows, holders] of nodes)
      cluster.add(
        name,
        windows.map((rows, i) => aWindow(rows, MINUTE.start + 30_000 * i)),
        holders,
      );
    return cluster.finish();
  };

  it("adds up nodes, each with its most in any one window", () => {
    const bucket = fold(
      [
        "a",
        [[{ source: "10.0.0.1", entries: 5, opened: 1 }], [{ source: "10.0.0.1", entries: 2, opened: 1 }]],
        nobody,
      ],
      [
        "b",
        [[{ source: "10.0.0.1", entries: 1, opened: 1 }], [{ source: "10.0.0.1", entries: 3, opened: 1 }]],
        nobody,
      ],
    );
    expect(rowsOf(bucket, "address")).toEqual([["10.0.0.1", 8]]);
    expect(rowsOf(bucket, "address", "opened")).toEqual([["10.0.0.1", 4]]);
    expect(rowsOf(bucket, "node")).toEqual([
      ["a", 5],
      ["b", 3],
    ]);
    expect(rowsOf(bucket, "flow")).toEqual([
      ["10.0.0.1 8.8.8.8 443 6 a", 5],
      ["10.0.0.1 8.8.8.8 443 6 b", 3],
    ]);
  });

  it("tells what has no owner in one row apart, and names a workload for who has none", () => {
    const holders = (address: string) =>
      ({
        "10.0.0.1": pod("web-1"),
        "10.0.0.2": pod("web-2"),
        "10.0.0.3": pod("alone", { workloadKind: "", workload: "" }),
      })[address];
    const sources = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.1"].map((source) => ({
      source,
      entries: 1,
    }));
    const bucket = fold(["a", [sources], holders], ["b", [[{ source: "192.0.2.2", entries: 4 }]], nobody]);
    expect(rowsOf(bucket, "owner")).toEqual([
      ["", 5],
      ["pod shop alone a", 1],
      ["pod shop web-1 Deployment web a", 1],
      ["pod shop web-2 Deployment web a", 1],
    ]);
    expect(rowsOf(bucket, "workload")).toEqual([
      ["", 5],
      ["shop Deployment web", 2],
      ["shop Pod alone", 1],
    ]);
    expect(rowsOf(bucket, "namespace")).toEqual([
      ["", 5],
      ["shop", 3],
    ]);
    expect(rowsOf(bucket, "edge").map(([key]) => key)).toEqual([
      "8.8.8.8 443 6",
      "shop Deployment web 8.8.8.8 443 6",
      "shop Pod alone 8.8.8.8 443 6",
    ]);
    expect(bucket.workload?.columns).not.toHaveProperty("peers");
    expect(bucket.owner?.columns.peers).toEqual([2, 1, 1, 1]);
  });

  it("keeps the row of what has no owner however small, from the minute to the hour", () => {
    const holders = (address: string) =>
      address === "192.0.2.1" ? undefined : pod(address, { workload: address, namespace: address });
    const rows = Array.from({ length: 2 * CLUSTER_KEYS }, (_, i) => ({
      source: `10.0.${i >> 8}.${i & 255}`,
      entries: 2 + i,
    }));
    const minute = fold(["a", [[...rows, { source: "192.0.2.1", entries: 1 }]], holders]);
    for (const bucket of [minute, foldBuckets([minute, minute])]) {
      expect(bucket.owner?.keys[0]).toBe(keyOf("owner", { ...NOBODY, node: "" }));
      expect(bucket.workload?.keys[0]).toBe("\0\0");
      expect(bucket.workload?.keys).toHaveLength(CLUSTER_KEYS + 1);
      expect(rowsOf(bucket, "namespace")[0]).toEqual(["", 1]);
    }
  });

  it("does not bound what Pods lack by what other nodes folded away", () => {
    const cluster = new ClusterFold(MINUTE);
    const rest = {
      talkerRemainder: { sources: 9, entries: 90, snatEntries: 0, unreplied: 0 },
      groupRemainder: { groups: 9, entries: 90, unreplied: 0 },
    };
    for (const [i, more] of [{}, rest, rest].entries())
      cluster.add(
        `node-${i}`,
        [aWindow([{ source: `10.0.0.${i}`, entries: 1 }], MINUTE.start, more)],
        (address) => pod(address),
      );
    const bucket = cluster.finish();
    expect(bucket.owner).toMatchObject({
      lack: { entries: 90 },
      miss: { entries: 90 },
      rest: { entries: 180 },
    });
    expect(bucket.workload).toMatchObject({ lack: { entries: 180 }, miss: { entries: 180 } });
    expect(bucket.flow).toMatchObject({ lack: NONE, miss: { entries: 90 }, rest: { rows: 18 } });
  });

  describe("with as many keys as it may hold at once", () => {
    const A_NODE = 1024;
    const window = (node: number) =>
      aWindow(
        Array.from({ length: A_NODE }, (_, i) => ({
          source: "10.0.0.1",
          peer: `10.${node}.${i >> 8}.${i & 255}`,
          entries: 1 + node * A_NODE + i,
        })),
      );
    const fold = (...more: GroupRow[]) => {
      const cluster = new ClusterFold(MINUTE);
      for (let node = 0; node < MAX_CANDIDATES / A_NODE; node++)
        cluster.add(`n${node}`, [window(node)], nobody);
      for (const [i, row] of more.entries()) cluster.add(`more-${i}`, [aWindow([row])], nobody);
      return cluster.finish();
    };
    const another = { source: "10.0.0.1", peer: "10.99.0.1", entries: 1 };
    /** The smallest of all, at first. */
    const again = { source: "10.0.0.1", peer: "10.0.0.0", entries: 1_000_000 };

    it("folds none away before the end", () => {
      expect(fold(again).peer).toMatchObject({
        lack: NONE,
        miss: { entries: MAX_CANDIDATES - CLUSTER_KEYS + 1 },
      });
    });

    it("folds the smallest away where there is one more: one that comes again lacks what it had", () => {
      const { peer, flow } = fold(another, again);
      const { entries: lack = 0 } = peer?.lack ?? {};
      expect(lack).toBeGreaterThan(1);
      expect(lack).toBeLessThan(MAX_CANDIDATES - CLUSTER_KEYS);
      expect(flow).toMatchObject({ lack: NONE, miss: { entries: MAX_CANDIDATES - CLUSTER_KEYS + 1 } });
    });

    it("loses nothing of the sums, and counts no more keys than there were", () => {
      const total = (MAX_CANDIDATES * (MAX_CANDIDATES + 1)) / 2;
      const { peer, flow } = fold(another, again);
      for (const table of [peer, flow]) {
        const { keys = [], columns: { entries = [] } = {}, rest } = table ?? {};
        expect(keys).toHaveLength(CLUSTER_KEYS);
        expect(entries.reduce((sum, value) => sum + value, rest?.entries ?? 0)).toBe(total + 1_000_001);
        expect(rest?.rows).toBeLessThanOrEqual(MAX_CANDIDATES + 2 - CLUSTER_KEYS);
        expect(rest?.rows).toBeGreaterThan(MAX_CANDIDATES / 2);
      }
    });
  });
});

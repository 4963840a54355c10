import { describe, test } from "vitest";
import { type Holder, holding } from "../../../db/attribution/holders.ts";

const HOUR = 3_600_000;

const holder = (name: string, since: number, until: number | null, rest: Partial<Holder> = {}): Holder => ({
  address: "10.244.0.12",
  kind: "pod",
  namespace: "shop",
  name,
  uid: `uid-${name}`,
  workloadKind: "",
  workload: "",
  node: "node-1",
  since,
  until,
  confirmedUntil: null,
  ...rest,
});

const at = (holders: readonly Holder[], hour: number) =>
  holding(holders, "node-1", { from: hour * HOUR, to: hour * HOUR }).map(({ owner, reasons }) =>
    [owner?.name, ...reasons].join(" "),
  );

describe("a holder whom an agent that begins anew finds", () => {
  const first = holder("cart-1", 0, 10 * HOUR);
  const told = holder("cart-2", 10 * HOUR, 20 * HOUR, { confirmedUntil: 19 * HOUR });
  const found = holder("cart-2", 0, null);

  test("did not hold the address before the one whose end is told", ({ expect }) => {
    const holders = [first, told, found];
    expect(at(holders, 5)).toEqual(["cart-1"]);
    expect(at(holders, 15)).toEqual(["cart-2"]);
    expect(at(holders, 25)).toEqual(["cart-2"]);
    expect(at(holders, 10)).toEqual(["cart-1 owner-changed", "cart-2 owner-changed"]);
  });

  test("may have come from when the one before was last seen, where nobody saw that end", ({ expect }) => {
    const gone = holder("cart-1", 0, 20 * HOUR, { confirmedUntil: 10 * HOUR });
    expect(at([gone, found], 5)).toEqual(["cart-1"]);
    expect(at([gone, found], 15)).toEqual(["cart-1 owner-changed", "cart-2 owner-changed"]);
    expect(at([gone, found], 25)).toEqual(["cart-2"]);
  });

  test("came after the last window that tells of no end of the one before", ({ expect }) => {
    const gone = holder("cart-1", 0, 20 * HOUR, { confirmedUntil: 10 * HOUR, quietUntil: 18 * HOUR });
    expect(at([gone, found], 15)).toEqual(["cart-1 owner-not-confirmed"]);
    expect(at([gone, found], 19)).toEqual(["cart-1 owner-changed", "cart-2 owner-changed"]);
  });

  test("came after the last list without it, and is sure from when it was found", ({ expect }) => {
    const listed = { ...found, found: { lackedAt: 10 * HOUR, at: 20 * HOUR } };
    expect(at([listed], 5)).toEqual([" owner-unknown"]);
    expect(at([listed], 15)).toEqual(["cart-2 owner-not-confirmed"]);
    expect(at([listed], 20)).toEqual(["cart-2"]);
    expect(at([{ ...listed, found: { lackedAt: 0, at: 20 * HOUR } }], 5)).toEqual([
      "cart-2 owner-not-confirmed",
    ]);
  });

  test("is as sure as what the agent before knew of it", ({ expect }) => {
    const again = { ...found, found: { lackedAt: 0, at: 20 * HOUR } };
    expect(at([holder("cart-2", 2 * HOUR, 20 * HOUR, { confirmedUntil: 19 * HOUR }), again], 15)).toEqual([
      "cart-2",
    ]);
    const twice = holder("cart-2", 0, 20 * HOUR, {
      confirmedUntil: 19 * HOUR,
      found: { lackedAt: 1 * HOUR, at: 3 * HOUR },
    });
    expect(at([twice, again], 15)).toEqual(["cart-2"]);
    expect(at([twice, again], 2)).toEqual(["cart-2 owner-not-confirmed"]);
    // Another had it between.
    const other = holder("cart-1", 16 * HOUR, 18 * HOUR);
    const before = holder("cart-2", 2 * HOUR, 16 * HOUR);
    expect(at([before, other, again], 19)).toEqual(["cart-2 owner-not-confirmed"]);
  });

  test("is not told apart from one that holds as long, nor by what other nodes say", ({ expect }) => {
    expect(at([holder("cart-1", 0, null), found], 5)).toHaveLength(2);
    const elsewhere = holder("cart-1", 0, 10 * HOUR, { node: "node-2" });
    expect(at([elsewhere, found], 5)).toEqual(["cart-2"]);
  });
});

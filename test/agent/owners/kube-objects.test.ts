import { describe, test } from "vitest";
import { KubeObjects, MAX_ADDRESSES, MAX_OBJECTS } from "../../../agent/owners/kube-objects.ts";
import type { Claimed } from "../../../agent/owners/kube-pods.ts";
import type { Owner, OwnerSink } from "../../../agent/owners/owner.ts";

const NOW = 1_000_000;
const pod = (uid: string, ...addresses: string[]): Claimed => ({
  uid,
  claims: addresses.map((address) => ({ address, owner: { kind: "pod", name: uid, uid } })),
});
const onHost = (uid: string, ...addresses: string[]): Claimed => ({
  uid,
  claims: addresses.map((address) => ({ address, owner: { kind: "host", name: "node-1" } })),
});

/** What the sink is told: who holds which address now. */
class Holders implements OwnerSink {
  readonly now = new Map<string, string>();

  hold(address: string, { name }: Owner): void {
    this.now.set(address, name);
  }

  release(address: string): void {
    this.now.delete(address);
  }
}

const follow = () => {
  const holders = new Holders();
  return { holders, objects: new KubeObjects(holders) };
};

describe("objects that are there", () => {
  test("are remembered up to the bound; one that goes makes room", ({ expect }) => {
    const { holders, objects } = follow();
    objects.listing();
    for (let n = 0; n < MAX_OBJECTS; n++) expect(objects.see(pod(`u${n}`, `a${n}`), NOW)).toBe(true);
    expect(objects.see(pod("late", "b"), NOW)).toBe(false);
    expect(objects.see(pod("u0", "a0"), NOW)).toBe(true);
    objects.listed(NOW);
    expect(holders.now.size).toBe(MAX_OBJECTS);
    objects.gone(pod("late", "b"), NOW);
    objects.gone(pod("u0", "a0"), NOW);
    expect(objects.see(pod("late", "b"), NOW)).toBe(true);
    expect([holders.now.size, holders.now.get("b")]).toEqual([MAX_OBJECTS, "late"]);
  });

  test("that hold nothing take no room, and are none too many", ({ expect }) => {
    const { holders, objects } = follow();
    objects.listing();
    for (let n = 0; n <= MAX_OBJECTS; n++) expect(objects.see(pod(`u${n}`), NOW)).toBe(true);
    expect(objects.see(pod("mine", "a"), NOW)).toBe(true);
    objects.listed(NOW);
    expect([...holders.now]).toEqual([["a", "mine"]]);
  });

  test("of which hosts have more addresses than any do not grow without end", ({ expect }) => {
    const { holders, objects } = follow();
    objects.listing();
    for (let n = 0; n < MAX_OBJECTS; n++) expect(objects.see(onHost("u", `h${n}`), NOW)).toBe(true);
    expect(objects.see(onHost("u", "late"), NOW)).toBe(false);
    expect(objects.see(onHost("u", "h0"), NOW)).toBe(true);
    expect(holders.now.size).toBe(MAX_OBJECTS);
    objects.listed(NOW);
    expect(holders.now.size).toBe(MAX_OBJECTS);
  });

  test.for([
    [MAX_ADDRESSES, true],
    [MAX_ADDRESSES + 1, false],
  ] as const)("with %i addresses: all taken %s", ([count, all], { expect }) => {
    const { holders, objects } = follow();
    const one = pod("u", ...Array.from({ length: count }, (_, n) => `a${n}`));
    expect([objects.see(one, NOW), holders.now.size]).toEqual([all, MAX_ADDRESSES]);
    objects.gone(one, NOW);
    expect(holders.now.size).toBe(0);
  });

  test("and ended before they were seen are told once, if that was not long ago", ({ expect }) => {
    const told: string[] = [];
    const objects = new KubeObjects({
      hold: (address) => told.push(`hold ${address}`),
      release: (address, _owner, until) => told.push(`release ${address} at ${until}`),
    });
    const ended = (uid: string, address: string, at: number) => ({ ...pod(uid, address), ended: { at } });
    for (let time = 0; time < 2; time++) {
      objects.see(ended("new", "a", NOW - 599_999), NOW);
      objects.see(ended("old", "b", NOW - 600_000), NOW);
    }
    expect(told).toEqual(["hold a", `release a at ${NOW - 599_999}`]);
  });
});

import { fieldsOf } from "../fold/keys.ts";
import type { Table } from "../fold/table.ts";
import { keysOf } from "./source.ts";
import type { Form } from "./source.ts";

/** What a row of an answer about a peer is. */
export const SOURCE_BYS = [
  "pod",
  "workload",
  "namespace",
  "address",
  "cluster",
  "nat-address",
] as const satisfies Form[];
export type SourceBy = (typeof SOURCE_BYS)[number];

/** How the flows of a row reach the peer, as far as the flow groups listed tell. */
export type Ways = {
  /** The addresses that the peer sees, without those of flows that are not translated. */
  natAddresses: ReadonlySet<string>;
  nodes: ReadonlySet<string>;
  /** Some flows are not translated: the peer sees their source's own address. */
  direct: boolean;
};

/** Flow groups that are remembered to be known: those of a day of a large cluster. What is beyond finds no new ways. */
export const MAX_FLOWS = 200_000;

/** Collects, from flow groups slot by slot, the ways of each row. */
export class WaysBook {
  readonly #keyOf: (key: string) => string | undefined;
  readonly #seen = new Set<string>();
  readonly #ways = new Map<string, { natAddresses: Set<string>; nodes: Set<string>; direct: boolean }>();

  constructor(by: SourceBy) {
    this.#keyOf = keysOf("flow", by, {}) ?? ((key) => key);
  }

  /** Rows are flow groups, as `flow` has them. */
  add({ keys }: Pick<Table, "keys">): void {
    for (const key of keys) {
      if (this.#seen.has(key) || this.#seen.size >= MAX_FLOWS) continue;
      this.#seen.add(key);
      const row = this.#keyOf(key) ?? "";
      const ways = this.#ways.get(row) ?? { natAddresses: new Set(), nodes: new Set(), direct: false };
      this.#ways.set(row, ways);
      const { natAddress, node } = fieldsOf("flow", key);
      if (natAddress === "") ways.direct = true;
      else ways.natAddresses.add(natAddress);
      if (node !== "") ways.nodes.add(node);
    }
  }

  of(key: string): Ways {
    return this.#ways.get(key) ?? { natAddresses: new Set(), nodes: new Set(), direct: false };
  }
}

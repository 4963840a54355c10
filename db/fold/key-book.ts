import { Labels } from "./labels.ts";
import { BETWEEN } from "./table.ts";
import type { Dimension, Holders } from "./table.ts";
import { type FoldWindow, moved, NodeHolders, textOf, WindowNames, type Word } from "./window-names.ts";
import { WordKeys } from "./word-keys.ts";

const GROUP = ["source", "peer", "port", "nat", "natAddress", "zone", "owner"] as const;

/** Of what a key consists, as DIMENSIONS has it. */
const WORDS: Readonly<Record<Dimension, readonly Word[]>> = {
  source: ["source", "owner"],
  group: GROUP,
  owner: ["owner", "ownerNode"],
  workload: ["workload"],
  namespace: ["namespace"],
  node: ["node"],
  address: ["source"],
  peer: ["peer", "port"],
  edge: ["workload", "peer", "port", "nat"],
  flow: [...GROUP, "node"],
};
/** What rows a dimension is made of. */
export const ROWS_OF: Readonly<Record<Dimension, "talkers" | "groups" | "node">> = {
  source: "talkers",
  owner: "talkers",
  workload: "talkers",
  namespace: "talkers",
  address: "talkers",
  node: "node",
  group: "groups",
  peer: "groups",
  edge: "groups",
  flow: "groups",
};

/** Texts at once, before those are looked for that no key has any more. */
export const MANY_LABELS = 65_536;

/** Keys of the rows of windows, as numbers: of most of them, which are not listed in the end, the text is never made. */
export class KeyBook {
  #labels = new Labels();
  readonly #keys = new Map<Dimension, WordKeys>();
  #crowded = MANY_LABELS;

  /** What to ask of the windows of a node. */
  holdersOn(node: string, holders: Holders): NodeHolders {
    return new NodeHolders(node, holders, this.#labels);
  }

  /** Numbers the rows of a window. */
  window(window: FoldWindow, holders: NodeHolders): (dimension: Dimension) => Int32Array {
    const names = new WindowNames(window, holders, this.#labels);
    const known = { talkers: new Map<Word, Int32Array>(), groups: new Map<Word, Int32Array>() };
    return (dimension) => {
      const of = ROWS_OF[dimension];
      const columns = WORDS[dimension].map((word) => {
        if (of === "node") return names.node();
        const column = known[of].get(word) ?? names[of](word);
        known[of].set(word, column);
        return column;
      });
      return this.#of(dimension).numbers(columns, columns[0]?.length ?? 0);
    };
  }

  size(dimension: Dimension): number {
    return this.#of(dimension).size;
  }

  /** Texts that are kept to write keys with. */
  get texts(): number {
    return this.#labels.size;
  }

  text(dimension: Dimension, number: number): string {
    const keys = this.#of(dimension);
    return WORDS[dimension]
      .map((word, at) => textOf(word, keys.word(number, at), this.#labels))
      .join(BETWEEN);
  }

  /** Leaves the keys of these numbers, which become 0, 1, 2 and so on. Not while a window or a node is under way. */
  keep(dimension: Dimension, numbers: Int32Array): void {
    this.#of(dimension).keep(numbers, (value) => value);
    if (this.#labels.size > this.#crowded) this.#dropLabels();
  }

  #dropLabels(): void {
    const [old, labels] = [this.#labels, new Labels()];
    for (const [dimension, keys] of this.#keys) {
      const words = WORDS[dimension];
      const all = Array.from({ length: keys.size }, (_, number) => number);
      keys.keep(all, (value, at) => moved(words[at] ?? "nat", value, { from: old, to: labels }));
    }
    this.#labels = labels;
    this.#crowded = Math.max(MANY_LABELS, 2 * labels.size);
  }

  #of(dimension: Dimension): WordKeys {
    const known = this.#keys.get(dimension);
    if (known) return known;
    const keys = new WordKeys(WORDS[dimension].length);
    this.#keys.set(dimension, keys);
    return keys;
  }
}

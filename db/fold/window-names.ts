import { NAT_CLASSES } from "../segment.ts";
import type { Segment } from "../segment.ts";
import { NOBODY, workloadOf } from "./keys.ts";
import { BETWEEN } from "./table.ts";
import { Labels } from "./labels.ts";
import type { Holders, Owner } from "./table.ts";

/** A window as stored, its instants in epoch ms. */
export type FoldWindow = { start: number; end: number; segment: Segment };

/** What a column of rows may say of each: addresses, other labels, and `port`, which is port and protocol in one, `nat` and `zone`. */
export type Word =
  | "source"
  | "owner"
  | "ownerNode"
  | "workload"
  | "namespace"
  | "node"
  | "peer"
  | "port"
  | "nat"
  | "natAddress"
  | "zone";
const ADDRESSES: ReadonlySet<Word> = new Set(["source", "peer", "natAddress"]);
const NUMBERS: ReadonlySet<Word> = new Set(["port", "nat", "zone"]);
const PROTOCOL_BITS = 8;

/** What stands in a key for a word. */
export function textOf(word: Word, value: number, labels: Labels): string {
  if (ADDRESSES.has(word)) return labels.address(value);
  if (word === "port") return `${value >>> PROTOCOL_BITS}${BETWEEN}${value & ((1 << PROTOCOL_BITS) - 1)}`;
  return NUMBERS.has(word) ? String(value) : labels.text(value);
}

/** The same word with labels of another book. */
export function moved(word: Word, value: number, { from, to }: { from: Labels; to: Labels }): number {
  if (ADDRESSES.has(word)) return to.ofAddress(from.address(value));
  return NUMBERS.has(word) ? value : to.of(from.text(value));
}

const NAMED = ["owner", "ownerNode", "workload", "namespace"] as const;
type Named = (typeof NAMED)[number];
type Names = Record<Named, number>;
const isNamed = (word: Word): word is Named => NAMED.some((named) => named === word);
type Column = (row: number) => number;

/** What the rows of a window are called, column by column. An address may stand twice in its list: texts are what counts. */
export class WindowNames {
  readonly #window: FoldWindow;
  readonly #holders: NodeHolders;
  /** By their place in the list. */
  readonly #addresses: Int32Array;
  readonly #names: (Names | undefined)[] = [];
  readonly #none: number;

  constructor(window: FoldWindow, holders: NodeHolders, labels: Labels) {
    this.#window = window;
    this.#holders = holders;
    this.#addresses = Int32Array.from(window.segment.addresses, (address) => labels.ofAddress(address));
    this.#none = labels.ofAddress("");
  }

  /** One row: the node. */
  node(): Int32Array {
    return Int32Array.of(this.#holders.node);
  }

  talkers(word: Word): Int32Array {
    const { source } = this.#window.segment.talkers;
    return filled(source.length, this.#ofSource(word, source));
  }

  groups(word: Word): Int32Array {
    const { groups } = this.#window.segment;
    const { source, peer, peerPort, protocol, nat, natAddress, zone } = groups;
    const columns: Partial<Record<Word, Column>> = {
      peer: (row) => this.#address(peer[row]),
      port: (row) => ((peerPort[row] ?? 0) << PROTOCOL_BITS) | (protocol[row] ?? 0),
      nat: (row) => NAT_CLASSES.indexOf(nat[row] ?? "none"),
      natAddress: (row) => this.#address(natAddress[row]),
      zone: (row) => zone?.[row] ?? 0,
    };
    return filled(source.length, columns[word] ?? this.#ofSource(word, source));
  }

  #ofSource(word: Word, source: readonly number[]): Column {
    if (word === "source") return (row) => this.#address(source[row]);
    if (isNamed(word)) return (row) => this.#namesOf(source[row])[word];
    return () => this.#holders.node;
  }

  #address(index: number | null | undefined): number {
    return index === null || index === undefined ? this.#none : (this.#addresses[index] ?? this.#none);
  }

  #namesOf(index = -1): Names {
    const known = this.#names[index];
    if (known) return known;
    const names = this.#holders.namesOf(this.#window.segment.addresses[index] ?? "", this.#window);
    if (index >= 0) this.#names[index] = names;
    return names;
  }
}

/** The holders of a node's addresses, as labels. */
export class NodeHolders {
  readonly node: number;
  readonly #holders: Holders;
  readonly #labels: Labels;
  /** Most windows have the same ones. */
  readonly #known = new Map<Owner, Names>();

  constructor(node: string, holders: Holders, labels: Labels) {
    this.node = labels.of(node);
    this.#holders = holders;
    this.#labels = labels;
  }

  namesOf(address: string, { start, end }: FoldWindow): Names {
    const owner = this.#holders(address, start, end) ?? NOBODY;
    const known = this.#known.get(owner);
    if (known) return known;
    const { kind, namespace, name, workloadKind, workload } = owner;
    const of = workloadOf(owner);
    const label = (...parts: string[]) => this.#labels.of(parts.join(BETWEEN));
    const names = {
      owner: label(kind, namespace, name, workloadKind, workload),
      // All that has no owner is one row of the cluster.
      ownerNode: kind === "" ? label("") : this.node,
      workload: label(of.namespace, of.workloadKind, of.workload),
      namespace: label(namespace),
    };
    this.#known.set(owner, names);
    return names;
  }
}

function filled(rows: number, column: Column): Int32Array {
  const values = new Int32Array(rows);
  for (let row = 0; row < rows; row++) values[row] = column(row);
  return values;
}

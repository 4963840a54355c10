import { isRecord } from "./words.ts";

/** A sysctl, or something else that the node is set to: cores, memoryBytes, kubeProxy, ciliumBpf. */
export type KeyKind = "sysctl" | "host";
export type Key = { kind: KeyKind; key: string };

/** What several nodes have for a key. */
export type HeldValue = {
  /** As the kernel prints it; null where the node has no such key, or could not read it. */
  value: string | null;
  nodes: string[];
  /** When the first and the last of these nodes came to have it, as far as their last changes tell; epoch ms. */
  earliest: number;
  latest: number;
};
export type KeyValues = Key & { values: HeldValue[] };

export type Change = Key & { node: string; at: number; from: string | null; to: string | null };

type Values = ReadonlyMap<string, string>;

/** Between kind and name of a key. */
const BETWEEN = ":";

/** Contents of settings by id. Of all contents together a text is kept once: most have nearly all in common. */
export class Contents {
  readonly #texts = new Map<string, string>();
  readonly #contents = new Map<number, Values>();
  readonly #only: string | undefined;

  /** Of one key alone where `only` is given. */
  constructor(only?: string) {
    this.#only = only;
  }

  /** `content` as readSettings makes it. */
  add(id: number, content: string): void {
    const { sysctls, ...host } = JSON.parse(content) as Record<string, unknown>;
    const values = new Map<string, string>();
    const take = (kind: KeyKind, of: Record<string, unknown>) => {
      for (const [key, value] of Object.entries(of))
        if (this.#only === undefined || key === this.#only)
          values.set(this.#once(`${kind}${BETWEEN}${key}`), this.#once(String(value)));
    };
    take("host", host);
    if (isRecord(sysctls)) take("sysctl", sysctls);
    this.#contents.set(id, values);
  }

  of(id: number): Values {
    return this.#contents.get(id) ?? NONE;
  }

  #once(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    return text;
  }
}

const NONE: Values = new Map();

const toKey = (id: string): Key => {
  const [kind = "", ...rest] = id.split(BETWEEN);
  return { kind: kind === "sysctl" ? "sysctl" : "host", key: rest.join(BETWEEN) };
};

/** What a node was set to over time, the oldest first. */
export type NodeHistory = { node: string; rows: readonly { at: number; settingsId: number }[] };

/**
 * For each key its values and who has them, the rarest value first. Keys of which nodes have different values come first, then those that
 * some nodes lack, then those that are the same everywhere; each by name.
 */
export function inventory(nodes: readonly NodeHistory[], contents: Contents): KeyValues[] {
  const ids = new Set<string>();
  for (const { rows } of nodes) for (const id of contents.of(lastOf(rows)).keys()) ids.add(id);
  return [...ids]
    .map((id) => ({ ...toKey(id), values: valuesOf(id, nodes, contents) }))
    .toSorted((a, b) => oddity(b) - oddity(a) || order(a.key, b.key) || order(a.kind, b.kind));
}

const lastOf = (rows: NodeHistory["rows"]): number => rows.at(-1)?.settingsId ?? -1;
const order = (a: string, b: string): number => Number(a > b) - Number(a < b);

/** 2: nodes differ. 1: some lack it. 0: all the same. */
function oddity({ values }: KeyValues): number {
  const known = values.filter(({ value }) => value !== null).length;
  return known > 1 ? 2 : values.length - known;
}

function valuesOf(id: string, nodes: readonly NodeHistory[], contents: Contents): HeldValue[] {
  const values = new Map<string | null, HeldValue>();
  for (const { node, rows } of nodes) {
    const value = contents.of(lastOf(rows)).get(id) ?? null;
    const since = sinceWhen(id, rows, contents);
    const held = values.get(value);
    if (held) {
      held.nodes.push(node);
      held.earliest = Math.min(held.earliest, since);
      held.latest = Math.max(held.latest, since);
    } else values.set(value, { value, nodes: [node], earliest: since, latest: since });
  }
  return [...values.values()].toSorted(
    (a, b) => a.nodes.length - b.nodes.length || order(a.value ?? "", b.value ?? ""),
  );
}

function sinceWhen(id: string, rows: NodeHistory["rows"], contents: Contents): number {
  const value = contents.of(lastOf(rows)).get(id);
  const other = rows.findLastIndex(({ settingsId }) => contents.of(settingsId).get(id) !== value);
  return rows[other + 1]?.at ?? 0;
}

/** What differs between what a node was set to and what it was set to from `at` on, by key. */
export function changesOf(
  { node, at, before, after }: { node: string; at: number; before: number; after: number },
  contents: Contents,
): Change[] {
  const [old, now] = [contents.of(before), contents.of(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((id) => old.get(id) !== now.get(id))
    .toSorted()
    .map((id) => ({ ...toKey(id), node, at, from: old.get(id) ?? null, to: now.get(id) ?? null }));
}

import { BETWEEN, DIMENSIONS } from "./table.ts";
import type { Dimension, Owner } from "./table.ts";

/** Fields of a key by name: texts, but for those that are numbers. */
export type Fields<D extends Dimension> = {
  [Field in keyof (typeof DIMENSIONS)[D]]: (typeof DIMENSIONS)[D][Field] extends "number" ? number : string;
};

export function keyOf<D extends Dimension>(dimension: D, fields: Fields<D>): string {
  const values = fields as Record<string, string | number>;
  return Object.keys(DIMENSIONS[dimension])
    .map((field) => values[field])
    .join(BETWEEN);
}

/** The opposite of keyOf. */
export function fieldsOf<D extends Dimension>(dimension: D, key: string): Fields<D> {
  const texts = key.split(BETWEEN);
  const fields: Record<string, string | number> = {};
  for (const [i, [name, type]] of Object.entries(DIMENSIONS[dimension]).entries())
    fields[name] = type === "number" ? Number(texts[i] ?? 0) : (texts[i] ?? "");
  return fields as Fields<D>;
}

/** Of an address of which nobody knows who holds it. */
export const NOBODY: Owner = { kind: "", namespace: "", name: "", workloadKind: "", workload: "" };

/** An owner that belongs to no workload is one of its own: of kind `Pod`, say, and of its name. */
export function workloadOf({ kind, namespace, name, workloadKind, workload }: Owner): Fields<"workload"> {
  if (workload !== "" || kind === "") return { namespace, workloadKind, workload };
  return { namespace, workloadKind: kind.slice(0, 1).toUpperCase() + kind.slice(1), workload: name };
}

/** Whether it is the key of all that has no owner. */
export const isUnowned = (key: string): boolean => !/[^\0]/.test(key);

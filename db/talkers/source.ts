import { BETWEEN, DIMENSIONS, NODE_DIMENSIONS } from "../fold/table.ts";
import type { Dimension, Owner } from "../fold/table.ts";
import { keyOf, workloadOf } from "../fold/keys.ts";
import type { Measure } from "../fold/measures.ts";
import { NAT_CLASSES } from "../segment.ts";
import type { NatClass } from "../segment.ts";
import { cleanText } from "../facts/words.ts";

/** What a row of an answer is: the table whose keys are of that form. */
export const BY = {
  pod: "owner",
  workload: "workload",
  namespace: "namespace",
  node: "node",
  address: "address",
  peer: "peer",
  flow: "flow",
} as const satisfies Record<string, Dimension>;
export type By = keyof typeof BY;
export const BYS = Object.keys(BY) as By[];

/**
 * What else rows are put together to, by the fields of their keys: all that matches as one, and the addresses that the far end sees
 * ("" without SNAT).
 */
const SUMS = { cluster: [], "nat-address": ["natAddress"] } as const;
/** What rows are put together to. */
export type Form = By | keyof typeof SUMS;

/** Which flows, and whose; undefined asks for nothing. Addresses in canonical form. */
export type Filter = {
  namespace?: string | undefined;
  workload?: string | undefined;
  /** Name of an owner. */
  pod?: string | undefined;
  source?: string | undefined;
  peer?: string | undefined;
  port?: number | undefined;
  protocol?: number | undefined;
  nat?: NatClass | undefined;
};

/** The key of what nobody owns, where rows are owners. */
export function unownedKey(by: Form): string | undefined {
  if (by !== "pod" && by !== "workload" && by !== "namespace") return undefined;
  return BETWEEN.repeat(Object.keys(DIMENSIONS[BY[by]]).length - 1);
}

/** Of a cluster, or of a node, whose tables tell each source from the other. */
export type Scope = "cluster" | "node";

/**
 * From the fewest rows to the most: as each lists as many at most, what has fewer leaves out less. `source` has all sources of a
 * node, `group` the flow groups that its reports listed.
 */
const TABLES: Readonly<Record<Scope, readonly Dimension[]>> = {
  cluster: ["namespace", "node", "workload", "owner", "address", "peer", "edge", "flow"],
  node: NODE_DIMENSIONS,
};

/** The field of a key that a filter is about. */
const FIELDS: Readonly<Record<keyof Filter, string>> = {
  namespace: "namespace",
  workload: "workload",
  pod: "name",
  source: "source",
  peer: "peer",
  port: "port",
  protocol: "protocol",
  nat: "nat",
};

/** These count distinct peers; from the rows of others they cannot be added up. */
const KNOW_PEERS: readonly Dimension[] = ["source", "owner", "address"];

/** The table that answers with the fewest rows left out: the smallest that has all the fields asked for. */
export function tableFor(by: Form, filter: Filter, scope: Scope): Dimension {
  const asked = [...fieldsOfForm(by), ...conditions(filter).map(({ field }) => field)];
  const known = scope === "node" ? asked.filter((field) => field !== "node") : asked;
  const table = TABLES[scope].find((table) => known.every((field) => fieldsOf(table).includes(field)));
  return table ?? (scope === "node" ? "group" : "flow");
}

/** Whether rows of that kind, so narrowed, can say how much of the measure they have. */
export function isKnown(measure: Measure, by: By, filter: Filter): boolean {
  if (measure !== "peers") return true;
  return (["cluster", "node"] as const).every(
    (scope) => KNOW_PEERS.includes(tableFor(by, filter, scope)) && ["pod", "address"].includes(by),
  );
}

/**
 * The key of the answer's row that a row of the table is part of; undefined for one that does not match. `node` is the name of
 * the node whose table it is. Undefined itself where all rows stand as they are.
 */
export function keysOf(
  table: Dimension,
  by: Form,
  filter: Filter,
  node = "",
): ((key: string) => string | undefined) | undefined {
  const tests = conditions(filter).map(({ field, text }) => ({ at: fieldsOf(table).indexOf(field), text }));
  const isSame = table === dimensionOf(by);
  if (isSame && tests.length === 0) return undefined;
  const wholes = by === "workload" ? ownedAt(table) : undefined;
  const places = fieldsOfForm(by).map((field) => fieldsOf(table).indexOf(field));
  return (key) => {
    // Most rows fail here, which takes much less time than to take them apart.
    if (tests.some(({ text }) => !key.includes(text))) return undefined;
    const parts = key.split(BETWEEN);
    if (tests.some(({ at, text }) => parts[at] !== text)) return undefined;
    if (isSame) return key;
    if (wholes) return keyOf("workload", workloadOf(wholes(parts)));
    const texts = places.map((at) => (at < 0 ? node : (parts[at] ?? "")));
    // What nobody holds is one row, of whatever node.
    const isUnowned = by === "pod" && texts[0] === "";
    return (isUnowned ? texts.map(() => "") : texts).join(BETWEEN);
  };
}

const OWNER = ["kind", "namespace", "name", "workloadKind", "workload"] as const;

/** Whose a row is, where its key says the owner and not the workload alone: some owners are a workload of their own. */
function ownedAt(table: Dimension): ((parts: readonly string[]) => Owner) | undefined {
  const places = OWNER.map((field) => fieldsOf(table).indexOf(field));
  if (places.includes(-1)) return undefined;
  return (parts) => {
    const [kind = "", namespace = "", name = "", workloadKind = "", workload = ""] = places.map(
      (at) => parts[at],
    );
    return { kind, namespace, name, workloadKind, workload };
  };
}

/** The table whose rows are of that form as they stand, where there is one. */
export const dimensionOf = (by: Form): Dimension | undefined => (by in BY ? BY[by as By] : undefined);

const fieldsOfForm = (by: Form): readonly string[] =>
  by in SUMS ? SUMS[by as keyof typeof SUMS] : fieldsOf(BY[by as By]);

/** A source is called an address where a key is of nothing else. */
function fieldsOf(table: Dimension): string[] {
  return Object.keys(DIMENSIONS[table]).map((field) => (field === "address" ? "source" : field));
}

/** Whether it asks for anything, so that something may not match. */
export const isNarrowing = (filter: Filter): boolean => conditions(filter).length > 0;

function conditions(filter: Filter): { field: string; text: string }[] {
  return Object.entries(FIELDS).flatMap(([name, field]) => {
    const wanted = filter[name as keyof Filter];
    if (wanted === undefined) return [];
    const nat = name === "nat" ? NAT_CLASSES.findIndex((known) => known === wanted) : undefined;
    return [{ field, text: cleanText(String(nat ?? wanted)) }];
  });
}

import { NAT_CLASSES } from "../segment.ts";
import type { Segment } from "../segment.ts";
import { NOBODY, workloadOf } from "./keys.ts";
import { grouped, regroup, without } from "./regroup.ts";
import { BETWEEN } from "./table.ts";
import type { CLUSTER_DIMENSIONS, Holders, NODE_DIMENSIONS, Table } from "./table.ts";
import { groupRows, type Rows, sourceRows, totalOf } from "./window-rows.ts";

/** A window as stored, its instants in epoch ms. */
export type FoldWindow = { start: number; end: number; segment: Segment };

export type NodeTables = Record<(typeof NODE_DIMENSIONS)[number], Table>;
export type ClusterTables = Record<(typeof CLUSTER_DIMENSIONS)[number], Table>;

/** What a window adds to the bucket of its node. */
export function nodeTables(window: FoldWindow, holders: Holders): NodeTables {
  const { segment } = window;
  const names = new Names(window, holders);
  return {
    source: named(sourceRows(segment), (row) => join(names.talker(row), names.owner(names.talker(row)))),
    group: named(groupRows(segment), (row) => join(names.flow(row), names.owner(names.source(row)))),
  };
}

/**
 * What a window adds to the bucket of the cluster. A flow between Pods of two nodes is an entry in the tables of both; only the
 * node of its source knows who that is, so that the other's entry counts among what has no owner, and no Pod's flow counts twice.
 */
export function clusterTables(window: FoldWindow, node: string, holders: Holders): ClusterTables {
  const { segment } = window;
  const names = new Names(window, holders);
  const sources = sourceRows(segment);
  const groups = groupRows(segment);
  const bySource = (nameOf: (address: string) => string) =>
    regroup(sources, (row) => nameOf(names.talker(row)));
  return {
    owner: bySource((address) => names.ownerOn(address, node)),
    // Peers of several owners do not add up: the same may be among those of each.
    workload: without(
      bySource((address) => names.workload(address)),
      ["peers"],
    ),
    namespace: without(
      bySource((address) => names.namespace(address)),
      ["peers"],
    ),
    node: {
      keys: [node],
      columns: Object.fromEntries(
        Object.entries({ ...totalOf(groups), ...totalOf(sources) }).map(([measure, value]) => [
          measure,
          [value],
        ]),
      ),
      rest: { rows: 0 },
      lack: {},
      miss: {},
    },
    address: named(sources, (row) => names.talker(row)),
    peer: regroup(groups, (row) => names.peer(row)),
    edge: regroup(groups, (row) => join(names.workload(names.source(row)), names.peer(row), names.nat(row))),
    flow: named(groups, (row) => join(names.flow(row), names.owner(names.source(row)), node)),
  };
}

const join = (...parts: (string | number)[]) => parts.join(BETWEEN);

/** Rows of the same name become one; what is not listed stays as it is. */
function named(rows: Rows, nameOf: (row: number) => string): Table {
  const { keys, columns } = grouped(rows, nameOf);
  return { keys, columns, rest: rows.rest, lack: rows.lack, miss: rows.miss };
}

type HolderNames = { owner: string; workload: string; namespace: string; known: boolean };

/** What the rows of a window are called. An address may stand more than once in its list: texts are what counts. */
class Names {
  readonly #segment: Segment;
  readonly #holders: (address: string) => HolderNames;
  readonly #known = new Map<string, HolderNames>();

  constructor({ start, end, segment }: FoldWindow, holders: Holders) {
    this.#segment = segment;
    this.#holders = (address) => {
      const owner = holders(address, start, end) ?? NOBODY;
      const { kind, namespace, name, workloadKind, workload } = owner;
      const of = workloadOf(owner);
      return {
        owner: join(kind, namespace, name, workloadKind, workload),
        workload: join(of.namespace, of.workloadKind, of.workload),
        namespace,
        known: kind !== "",
      };
    };
  }

  talker(row: number): string {
    return this.#address(this.#segment.talkers.source[row]);
  }

  source(row: number): string {
    return this.#address(this.#segment.groups.source[row]);
  }

  owner(address: string): string {
    return this.#of(address).owner;
  }

  /** All that has no owner is one row of the cluster. */
  ownerOn(address: string, node: string): string {
    const { owner, known } = this.#of(address);
    return join(owner, known ? node : "");
  }

  workload(address: string): string {
    return this.#of(address).workload;
  }

  namespace(address: string): string {
    return this.#of(address).namespace;
  }

  peer(row: number): string {
    const { peer, peerPort, protocol } = this.#segment.groups;
    return join(this.#address(peer[row]), peerPort[row] ?? 0, protocol[row] ?? 0);
  }

  nat(row: number): number {
    return Math.max(0, NAT_CLASSES.indexOf(this.#segment.groups.nat[row] ?? "none"));
  }

  flow(row: number): string {
    const { natAddress, zone } = this.#segment.groups;
    return join(
      this.source(row),
      this.peer(row),
      this.nat(row),
      this.#address(natAddress[row]),
      zone?.[row] ?? 0,
    );
  }

  #address(index: number | null | undefined): string {
    return this.#segment.addresses[index ?? -1] ?? "";
  }

  #of(address: string): HolderNames {
    const known = this.#known.get(address);
    if (known) return known;
    const names = this.#holders(address);
    this.#known.set(address, names);
    return names;
  }
}

import type { Flows, TableDump } from "../../api/wire.ts";
import type { Entry } from "../conntrack/entry.ts";
import { natBits } from "../conntrack/nat.ts";
import { Composition } from "./composition.ts";
import { FlowTable } from "./flow-table.ts";
import { flowsOf } from "./flows.ts";

/** Folds the entries of one dump into what a report says of them. Memory is kept from window to window. */
export class Summary {
  private composition = new Composition();
  private readonly table: FlowTable;

  constructor(table = new FlowTable()) {
    this.table = table;
  }

  add(entry: Entry): void {
    const nat = natBits(entry);
    this.composition.add(entry, nat);
    this.table.add(entry, nat);
  }

  /** What was added since the last call, and an empty summary after it. */
  take(): { counts: Omit<TableDump, "takenAt" | "durationMs">; flows: Flows; untracked: number } {
    const { untracked } = this.table;
    const taken = { counts: this.composition.counts(), flows: flowsOf(this.table), untracked };
    this.composition = new Composition();
    this.table.clear();
    return taken;
  }
}

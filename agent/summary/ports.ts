import type { Ports } from "../../api/wire.ts";
import { SNAT } from "../conntrack/nat.ts";
import { hasPorts, isIcmp } from "../conntrack/protocols.ts";
import type { AddressBook } from "./address-book.ts";
import { type FlowTable, type GroupKey, groupKey } from "./flow-table.ts";
import { KeyTable } from "./key-table.ts";
import { counts } from "./tally.ts";
import { topIndexes } from "./top.ts";

/** Of the (NAT address, protocol, peer) towards which most ports are taken, as many as one looks at. */
export const MAX_FULLEST = 20;
/** Sources named for each: those who take most. */
export const MAX_ROW_SHARES = 16;

export interface ChosenPorts {
  key: GroupKey;
  used: number;
  shares: [source: number, used: number][];
}

/** NAT ports are shared by all sources behind a NAT address that reach the same peer, port and protocol. */
export function choosePorts(table: FlowTable, book: AddressBook): ChosenPorts[] {
  const rows = new KeyTable(table.groups.size);
  const used = counts();
  const rowOf = new Int32Array(table.groups.size).fill(-1);
  for (let group = 0; group < rowOf.length; group += 1) {
    const entries = table.shown.byGroup.entries.at(group);
    if (entries === 0 || !(table.natOf(group) & SNAT)) continue;
    const served = table.groups.word(group, 3) >>> 2;
    if (!hasPorts(served & 0xff) && !isIcmp(served & 0xff)) continue;
    const row = rows.index(table.groups.word(group, 1), table.groups.word(group, 2), served, 0);
    used.add(row, entries);
    rowOf[group] = row;
  }
  const top = topIndexes(used.upTo(rows.size), rows.size, MAX_FULLEST);
  const groupsOf = new Map(top.map((row): [number, number[]] => [row, []]));
  for (let group = 0; group < rowOf.length; group += 1) groupsOf.get(rowOf[group] as number)?.push(group);
  const chosen = top.map((row) => chosenRow(table, groupsOf.get(row) ?? [], used.at(row)));
  for (const { key, shares } of chosen) {
    book.add(key.natAddress, key.peer);
    for (const [source] of shares.slice(0, MAX_ROW_SHARES)) book.add(source);
  }
  return chosen;
}

function chosenRow(table: FlowTable, groups: readonly number[], used: number): ChosenPorts {
  const bySource = new Map<number, number>();
  for (const group of groups) {
    const source = table.groups.word(group, 0);
    bySource.set(source, (bySource.get(source) ?? 0) + table.shown.byGroup.entries.at(group));
  }
  const shares = [...bySource].toSorted((a, b) => b[1] - a[1]);
  return { key: groupKey(table, groups[0] ?? 0), used, shares };
}

export function portColumns(chosen: readonly ChosenPorts[], book: AddressBook): Ports {
  const zoned = chosen.some(({ key }) => key.zone > 0);
  const shares = chosen.flatMap((row, at) =>
    row.shares.slice(0, MAX_ROW_SHARES).map(([source, used]) => ({ row: at, source, used })),
  );
  return {
    natAddress: chosen.map(({ key }) => book.position(key.natAddress)),
    peer: chosen.map(({ key }) => book.position(key.peer)),
    peerPort: chosen.map(({ key }) => key.peerPort),
    protocol: chosen.map(({ key }) => key.protocol),
    ...(zoned && { zone: chosen.map(({ key }) => key.zone) }),
    used: chosen.map(({ used }) => used),
    sources: chosen.map(({ shares }) => shares.length),
    shares: {
      row: shares.map(({ row }) => row),
      source: shares.map(({ source }) => book.position(source)),
      used: shares.map(({ used }) => used),
    },
  };
}

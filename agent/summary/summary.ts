import type {
  Ages as WireAges,
  Flows,
  LeaseChanges,
  LeaseKeyframe,
  Ports,
  TableDump,
} from "../../api/wire.ts";
import type { Entry } from "../conntrack/entry.ts";
import { DNAT, natBits, SNAT } from "../conntrack/nat.ts";
import { isIcmp } from "../conntrack/protocols.ts";
import { AddressBook } from "./address-book.ts";
import { Ages, type Timeouts } from "./ages.ts";
import { Composition } from "./composition.ts";
import { FlowTable, type TableLimits } from "./flow-table.ts";
import { chooseFlows, flowColumns, type Known } from "./flows.ts";
import { Keyframe, type KeyframePart } from "./keyframe.ts";
import { chooseLeases, type ChosenLeases, leaseColumns } from "./lease-columns.ts";
import { LeaseLog } from "./lease-log.ts";
import { bytesOf, Lifetimes, packetsOf } from "./lifetimes.ts";
import { choosePorts, portColumns } from "./ports.ts";

export interface SummaryOptions {
  /**
   * What bytes and packets are: those moved since the dump before, or all since each flow began, where there is to be only
   * one dump; nothing is then remembered of single flows.
   */
  counters?: "since-dump" | "since-creation";
  /** Leases that changed and keyframes, keyframes alone, or none. */
  leases?: "full" | "keyframes" | "off";
  limits?: Partial<TableLimits & { flows: number; changes: number }>;
}

/** What one window gives for its report; what is not known is absent. */
export interface Summed {
  /** Of the last whole dump, which may have begun before the window. */
  counts?: Omit<TableDump, "durationMs">;
  flows?: Flows;
  ages?: WireAges[];
  leases?: LeaseChanges;
  keyframe?: LeaseKeyframe;
  ports?: Ports;
  untracked: number;
  older: number;
  forgotten: number;
  opened?: "events" | "dumps";
}

/** What is known of an event besides its entry. */
interface Event {
  group: number;
  at: number;
  /** Whether its flow holds a lease that is to be logged. */
  leased: boolean;
}

/** Folds the rows of dumps and the events between them into what reports say. Memory is kept from window to window. */
export class Summary {
  private readonly table: FlowTable;
  private readonly lives: Lifetimes | undefined;
  private readonly log: LeaseLog;
  private readonly keyframe = new Keyframe();
  private readonly leases: "full" | "keyframes" | "off";
  private timeouts: Timeouts = {};
  private composition = new Composition();
  private ages = new Ages({});
  private takenAt = 0;
  private last: { counts: Omit<TableDump, "durationMs">; ages: WireAges[]; idle: boolean } | undefined;
  /** A whole dump ended in this window, and one before it had. */
  private fresh = false;
  private compared = false;
  private moved = false;

  constructor({ counters = "since-dump", leases = "full", limits = {} }: SummaryOptions = {}) {
    this.log = new LeaseLog(limits.changes);
    this.leases = leases;
    const lives = { moveGroups: (map: Int32Array) => this.lives?.moveGroups(map), markGroups: () => {} };
    this.table = new FlowTable(limits, [this.log, this.keyframe, lives]);
    if (counters === "since-dump") this.lives = new Lifetimes(this.table, limits.flows);
  }

  configure({ eventsOn, timeouts }: { eventsOn: boolean; timeouts: Timeouts }): void {
    this.lives?.listen(eventsOn);
    this.timeouts = timeouts;
  }

  /** The leases of the next dump are to be sent whole. */
  keyframeDue(): void {
    if (this.leases !== "off") this.keyframe.request();
  }

  /** Events were lost: what the next dump finds and nobody remembers began meanwhile. */
  lost(): void {
    this.lives?.lost();
  }

  dumpBegins(takenAt: number): void {
    this.takenAt = takenAt;
    this.composition = new Composition();
    this.ages = new Ages(this.timeouts);
    this.table.dumpBegins();
    this.lives?.dumpBegins();
    this.keyframe.dumpBegins(takenAt);
  }

  /** Takes one row of the dump under way. */
  add(entry: Entry): void {
    const { table, lives } = this;
    const flow = lives?.meet(entry) ?? -1;
    let group = lives?.groupOf(flow) ?? -1;
    const nat = group >= 0 ? table.natOf(group) : natBits(entry);
    if (group < 0) {
      group = table.groupOf(entry, nat);
      lives?.setGroup(flow, group);
    }
    this.composition.add(entry, nat);
    table.add(entry, group, nat, this.ages.add(entry));
    if (entry.counted) this.count(flow, entry, group);
    if (nat & SNAT) this.addLease(entry, flow, group);
  }

  /**
   * @param whole false where the dump failed midway: the last whole one then stays, and nothing is said of what is gone
   * @param torn it lacks entries and so gives no keyframe: what a keyframe lacks is taken to have ended
   */
  dumpEnds(whole: boolean, { torn = false }: { torn?: boolean } = {}): void {
    const settled = this.lives?.settled ?? false;
    this.lives?.dumpEnds(whole);
    this.table.dumpEnds(whole);
    this.keyframe.dumpEnds(whole && !torn);
    if (!whole) return;
    this.fresh = true;
    this.compared ||= settled;
    const counts = { takenAt: this.takenAt, ...this.composition.counts() };
    this.last = {
      counts,
      ages: this.ages.columns(),
      idle: this.timeouts.tcpEstablished !== undefined,
    };
  }

  /** Takes an event read at `at`. */
  event(entry: Entry, at: number): void {
    const { lives } = this;
    if (!lives || entry.event === "none") return;
    let group = lives.recall(entry);
    if (entry.event === "update" && !lives.isMissed) return;
    const nat = group >= 0 ? this.table.natOf(group) : natBits(entry);
    if (group < 0) group = this.table.groupOf(entry, nat);
    if (nat & DNAT && group >= 0) this.table.dial(entry, group);
    const leased = (nat & SNAT) !== 0 && this.leases === "full";
    const of = { group, at, leased };
    if (entry.event === "destroy") this.ended(lives, entry, of);
    else this.began(lives, entry, of);
  }

  /** What is to be reported of the window that ends now; the next one begins. */
  take(window: { from: number }): Summed {
    const { table, lives, last } = this;
    const summed: Summed = { untracked: table.shown.untracked, ...this.remembered() };
    if (last) {
      summed.counts = last.counts;
      if (last.ages.length > 0) summed.ages = last.ages;
      Object.assign(summed, this.columns(window.from, summed.opened !== undefined, last.idle));
      // Without a dump there are no flows, whose addresses leases refer to: until then they wait.
      this.log.clear();
    }
    table.window.clear();
    lives?.windowEnds();
    this.fresh = false;
    this.compared = false;
    this.moved = false;
    return summed;
  }

  private remembered(): Pick<Summed, "older" | "forgotten" | "opened"> {
    const { lives } = this;
    if (!lives) return { older: 0, forgotten: 0 };
    if (lives.eventsOn) return { older: lives.older, forgotten: lives.forgotten, opened: "events" };
    return { older: 0, forgotten: lives.forgotten, ...(this.compared && { opened: "dumps" }) };
  }

  private columns(from: number, lives: boolean, idle: boolean) {
    const { table } = this;
    const known: Known = { lives, idle, moved: this.moved || table.window.total.bytes > 0 };
    const book = new AddressBook(table.addresses);
    const listed = chooseFlows(table, known, book);
    const ports = this.fresh && this.leases !== "off" ? choosePorts(table, book) : undefined;
    const changes = this.leases === "full" ? chooseLeases(this.log, table, book) : undefined;
    const part = this.keyframe.next();
    const held = part && chooseLeases(part.rows, table, book);
    const addresses = book.close();
    return {
      flows: { addresses, ...flowColumns(table, listed, known, book) },
      ...(ports && { ports: portColumns(ports, book) }),
      ...(changes && {
        leases: {
          ...leaseColumns(changes, book, from),
          omitted: changes.omitted + this.log.omitted,
        },
      }),
      ...(part && held && { keyframe: keyframeColumns(part, held, book, from) }),
    };
  }

  private began(lives: Lifetimes, entry: Entry, { group, at, leased }: Event): void {
    const counted = entry.event === "new" ? lives.began(entry, at, group) : lives.found(entry, group);
    if (counted && leased) this.log.open(group, portsOf(entry), lives.openedAt);
  }

  private ended(lives: Lifetimes, entry: Entry, of: Event): void {
    if (entry.counted) this.moved = true;
    lives.ended(entry, of.group);
    if (of.leased) this.log.close(of.group, portsOf(entry), [lives.openedAt, Math.floor(of.at / 1000)]);
  }

  private count(flow: number, entry: Entry, group: number): void {
    if (!this.lives) this.table.moved(group, bytesOf(entry), packetsOf(entry));
    else this.lives.count(flow, entry, group);
    this.moved ||= !this.lives || this.lives.settled;
  }

  private addLease(entry: Entry, flow: number, group: number): void {
    const { lives } = this;
    const ports = portsOf(entry);
    const since = flow >= 0 && lives ? lives.openedAt : 0;
    this.keyframe.add(group, ports, since);
    const began = flow >= 0 && lives?.isNew && lives.infers;
    if (began && this.leases === "full") this.log.open(group, ports, since);
  }
}

function keyframeColumns(
  { takenAt, part, parts, fromPort, toPort, omitted }: KeyframePart,
  held: ChosenLeases,
  book: AddressBook,
  from: number,
): LeaseKeyframe {
  const { closed: _, ...columns } = leaseColumns(held, book, from);
  return { takenAt, part, parts, fromPort, toPort, ...columns, omitted: omitted + held.omitted };
}

/** NAT port << 16 | source port: the id of ICMP stands for both, where source NAT may change it. */
function portsOf({ protocol, replySport, replyDport, origSport }: Entry): number {
  return (((isIcmp(protocol) ? replySport : replyDport) << 16) | origSport) >>> 0;
}

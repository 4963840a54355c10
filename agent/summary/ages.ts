import type { Ages as WireAges } from "../../api/wire.ts";
import { ASSURED, type Entry } from "../conntrack/entry.ts";
import { SCTP, TCP, UDP } from "../conntrack/protocols.ts";
import { SCTP_STATE_NAMES, TCP_STATE_NAMES } from "../conntrack/states.ts";

/** Upper bounds of the classes of idle time, in seconds: those of the wire, of which only types can be had here. */
export const AGE_CLASSES_S = [
  5, 10, 30, 60, 120, 180, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800,
  432_000,
] as const satisfies typeof import("../../api/wire.ts").AGE_BOUNDS_S;

/** Timeouts in force on the node, in seconds; what is not known is absent. */
export interface Timeouts {
  tcpEstablished?: number | undefined;
  tcpCloseWait?: number | undefined;
  udp?: number | undefined;
  udpStream?: number | undefined;
  sctpEstablished?: number | undefined;
  /** What the kernel gives a TCP entry at most while data is on its way, and after it was sent again and again. */
  tcpUnacknowledged?: number | undefined;
  tcpMaxRetrans?: number | undefined;
}

const KINDS = [
  ["tcp-established", "tcpEstablished"],
  ["tcp-close-wait", "tcpCloseWait"],
  ["udp-stream", "udpStream"],
  ["udp", "udp"],
  ["sctp-established", "sctpEstablished"],
] as const satisfies readonly (readonly [WireAges["of"], keyof Timeouts])[];

const TCP_ESTABLISHED = TCP_STATE_NAMES.indexOf("ESTABLISHED");
const TCP_CLOSE_WAIT = TCP_STATE_NAMES.indexOf("CLOSE_WAIT");
const SCTP_ESTABLISHED = SCTP_STATE_NAMES.indexOf("ESTABLISHED");
const NO_KIND = -1;
const CLASSES = AGE_CLASSES_S.length + 1;

/** How long the entries of one dump had been idle. */
export class Ages {
  private readonly entries = KINDS.map(() => new Uint32Array(CLASSES));
  private readonly timeouts: readonly (number | undefined)[];
  private readonly shortened: number;

  constructor(timeouts: Timeouts) {
    this.timeouts = KINDS.map(([, name]) => timeouts[name]);
    this.shortened = Math.max(timeouts.tcpUnacknowledged ?? 0, timeouts.tcpMaxRetrans ?? 0);
  }

  /** @returns seconds for which the entry was idle, or -1 where that is not known */
  add(entry: Entry): number {
    const kind = kindOf(entry);
    const timeout = this.timeouts[kind];
    if (timeout === undefined || entry.timeout < 0) return -1;
    const idle = this.isBusy(entry, timeout) ? 0 : Math.max(0, timeout - entry.timeout);
    const classes = this.entries[kind] as Uint32Array;
    const at = classOf(idle);
    classes[at] = (classes[at] as number) + 1;
    return idle;
  }

  /**
   * The kernel keeps a TCP entry for minutes only, not for its timeout, while data waits to be acknowledged or since it was
   * picked up amid its flow (nf_conntrack_proto_tcp.c): a busy flow would pass for one that was idle for days. For one that
   * was, the same goes for its last minutes.
   */
  private isBusy({ protocol, timeout: left }: Entry, timeout: number): boolean {
    const { shortened } = this;
    return protocol === TCP && shortened > 0 && left <= shortened && timeout > shortened;
  }

  columns(): WireAges[] {
    return KINDS.flatMap(([of], kind) => {
      const timeout = this.timeouts[kind];
      const entries = this.entries[kind] ?? [];
      return timeout === undefined ? [] : [{ of, timeout, entries: [...entries] }];
    });
  }
}

function kindOf({ protocol, state, status }: Entry): number {
  if (protocol === TCP) return state === TCP_ESTABLISHED ? 0 : state === TCP_CLOSE_WAIT ? 1 : NO_KIND;
  if (protocol === UDP) return status & ASSURED ? 2 : 3;
  return protocol === SCTP && state === SCTP_ESTABLISHED ? 4 : NO_KIND;
}

function classOf(idle: number): number {
  let at = 0;
  while (at < AGE_CLASSES_S.length && idle > (AGE_CLASSES_S[at] as number)) at += 1;
  return at;
}

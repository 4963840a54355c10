import type { Details, LeaseTable } from "../../db/details.ts";
import { encodeDetails } from "../../db/details.ts";
import type { StoredReport } from "../../db/queries/reports.ts";
import { aStoredReport, START, WINDOW_MS } from "./stored-report.ts";

/** One lease as a test says it; seconds from START, null where nobody knows or it is held still. */
export type LeaseRow = {
  source: string;
  natPort: number;
  opened?: number | null;
  closed?: number | null;
  natAddress?: string;
  peer?: string;
  peerPort?: number;
  protocol?: number;
};

export const NAT = "192.168.0.23";
export const PEER = "203.0.113.20";

/** Every lease with a holder of its own: longer than an agent writes it, and the same. */
function table(rows: readonly LeaseRow[], addresses: string[], from: number): LeaseTable {
  const place = (address: string) => {
    if (!addresses.includes(address)) addresses.push(address);
    return addresses.indexOf(address);
  };
  const second = Math.floor(from / 1_000) - START / 1_000;
  return {
    source: rows.map((row) => place(row.source)),
    natAddress: rows.map((row) => place(row.natAddress ?? NAT)),
    peer: rows.map((row) => place(row.peer ?? PEER)),
    peerPort: rows.map((row) => row.peerPort ?? 5432),
    protocol: rows.map((row) => row.protocol ?? 6),
    leases: rows.map(() => 1),
    natPort: rows.map((row) => row.natPort),
    sourcePort: rows.map(() => 0),
    opened: rows.map(({ opened = null }) => (opened === null ? null : opened - second)),
    omitted: 0,
  };
}

type Some = Omit<Parameters<typeof aStoredReport>[0] & object, "details"> & {
  leases?: readonly LeaseRow[];
  keyframe?: readonly LeaseRow[];
  owners?: Details["owners"];
};

/** A report with all events of its window, and a keyframe at its end where one is given. */
export function aLeased({ leases = [], keyframe, owners, ...rest }: Some = {}): StoredReport {
  const report = aStoredReport({
    ...rest,
    completeness: { events: "complete", opened: "events", ...rest.completeness },
  });
  const addresses: string[] = [];
  const second = Math.floor(report.from / 1_000) - START / 1_000;
  const changes = {
    ...table(leases, addresses, report.from),
    closed: leases.map(({ closed = null }) => (closed === null ? null : closed - second)),
  };
  const held = keyframe && {
    ...table(keyframe, addresses, report.from),
    takenAt: report.to,
    part: 0,
    parts: 1,
    fromPort: 0,
    toPort: 65_535,
  };
  const natAddresses = [...new Set([...leases, ...(keyframe ?? [])].map((row) => row.natAddress ?? NAT))];
  return {
    ...report,
    natAddresses,
    details: encodeDetails({ addresses, leases: changes, keyframe: held, owners }),
  };
}

/** The instant so many seconds after START. */
export const second = (seconds: number): number => START + seconds * 1_000;
export const WINDOW_S = WINDOW_MS / 1_000;

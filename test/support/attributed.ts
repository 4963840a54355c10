import type { Report } from "../../api/wire.ts";
import { aDumpOf, aReport, NOW } from "./a-report.ts";
import { openService, type Service } from "./service.ts";

const WINDOW_MS = 30_000;
const MINUTE = 60_000;
export const NODE_ADDRESS = "192.168.50.10";
export const DATABASE = "10.0.0.9";

const ADDRESSES = [NODE_ADDRESS, DATABASE, "10.0.0.8", "10.244.0.11", "10.244.0.12", "10.244.0.13"];
const [NAT, MYSQL, OTHER, WEB_1, WEB_2, STRANGE] = ADDRESSES.keys();

type Row = [source: number, peer: number, peerPort: number, natPort: number, opened: number | null];

/**
 * Port 39510 is web-1's towards one peer and web-2's towards another; 39511 is web-2's; 39512 of somebody whom nobody named; 39513 began
 * before the agent.
 */
const LEASES: Row[] = [
  [WEB_1!, MYSQL!, 3306, 39_510, 10],
  [WEB_2!, MYSQL!, 3306, 39_511, 12],
  [WEB_2!, OTHER!, 5432, 39_510, 13],
  [STRANGE!, MYSQL!, 3306, 39_512, 14],
];
const OLDER: Row = [WEB_1!, MYSQL!, 3306, 39_513, null];

const holders = (rows: readonly Row[]) => ({
  source: rows.map(([source]) => source),
  natAddress: rows.map(() => NAT!),
  peer: rows.map(([, peer]) => peer),
  peerPort: rows.map(([, , port]) => port),
  protocol: rows.map(() => 6),
  leases: rows.map(() => 1),
  natPort: rows.map(([, , , port]) => port),
  sourcePort: rows.map(([, , , port]) => 50_000 - port),
  opened: rows.map(([, , , , opened]) => opened),
  omitted: 0,
});

/** The window before the last `back`, counted from 0; the fourth before has a keyframe and what opened. */
function windowOf(back: number, differing: Partial<Report>): Report {
  const to = NOW - back * WINDOW_MS;
  const first = back === 3;
  const rows = [OLDER];
  return aReport({
    sequence: 10 - back,
    window: { from: to - WINDOW_MS, to },
    completeness: {
      source: "netlink",
      events: "complete",
      blind: [],
      untracked: 0,
      overruns: 0,
      opened: "events",
      older: 1,
      forgotten: 0,
    },
    dump: { ...aDumpOf(0), unreplied: 0, assured: 0 },
    flows: { addresses: ADDRESSES, ...NOTHING },
    leases: { ...holders(first ? LEASES : []), closed: first ? LEASES.map(() => null) : [] },
    ...(first && {
      keyframe: { takenAt: to - WINDOW_MS, part: 0, parts: 1, fromPort: 0, toPort: 65_535, ...holders(rows) },
      owners: OWNERS,
    }),
    ...differing,
  });
}

const OWNERS: NonNullable<Report["owners"]> = {
  source: "kubernetes",
  complete: true,
  address: ["10.244.0.11", "10.244.0.12"],
  kind: ["pod", "pod"],
  namespace: ["shop", "shop"],
  name: ["web-1", "web-2"],
  uid: ["u-1", null],
  workloadKind: ["Deployment", null],
  workload: ["web", null],
  since: [NOW - 60 * MINUTE, null],
  until: [null, null],
};

const none = { entries: 0, unreplied: 0 };
const NOTHING = {
  talkers: { source: [], entries: [], snatEntries: [], unreplied: [], peers: [], opened: [], closed: [] },
  talkerRemainder: { sources: 0, snatEntries: 0, ...none, opened: 0, closed: 0 },
  groups: {
    source: [],
    peer: [],
    peerPort: [],
    protocol: [],
    nat: [],
    natAddress: [],
    entries: [],
    unreplied: [],
    opened: [],
    closed: [],
  },
  groupRemainder: { groups: 0, ...none, opened: 0, closed: 0 },
} satisfies Omit<NonNullable<Report["flows"]>, "addresses">;

/** A service with two minutes of `node-1` of the cluster prod, up to NOW, which its tick has seen; and a cluster that has nothing. */
export async function attributedService(differing: Partial<Report> = {}): Promise<Service> {
  const service = await openService();
  const token = await service.token("ingest", "prod");
  await service.token("ingest", "empty");
  for (const back of [3, 2, 1, 0]) {
    const { status, text } = await service.post(token, windowOf(back, differing));
    if (status !== 202) throw new Error(text);
  }
  await service.tick();
  return service;
}

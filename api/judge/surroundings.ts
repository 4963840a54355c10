import type { Db } from "../../db/client.ts";
import { openAnomalies } from "../../db/queries/anomalies.ts";
import type { Muted } from "../../db/queries/anomalies.ts";
import { listClusters } from "../../db/queries/clusters.ts";
import { silencesAt } from "../../db/queries/silences.ts";
import type { Silence } from "../../db/queries/silences.ts";
import { inhibitorOf, mutedBy } from "../alerts/inhibition.ts";
import type { Known } from "../alerts/inhibition.ts";
import type { Matcher } from "../alerts/silence.ts";
import type { Severity, Subject } from "../detect/rule.ts";

/** As inhibition sees it, by id. */
export type OpenOne = {
  id: number;
  clusterId: number;
  nodeId: number;
  rule: string;
  subject: Subject;
  severity: Severity;
  cause: string | undefined;
  muted: Muted | undefined;
  announced: boolean;
};

/** What is open and silenced while a page is judged: read when it is first asked for, and kept up by what is judged. */
export type Surroundings = {
  /** What is open in a cluster. */
  open(clusterId: number): Promise<OpenOne[]>;
  /** Why nobody is to be told of it now. */
  mutedBy(anomaly: OpenOne): Promise<Muted | undefined>;
  /** The rule of what keeps it quiet. */
  inhibitorOf(anomaly: OpenOne): Promise<string | undefined>;
  note(anomaly: OpenOne): Promise<void>;
  close(anomaly: OpenOne): Promise<void>;
};

/** Anomalies of one node, or those of no node: nothing inhibits across nodes but what is of the whole cluster. */
const placeOf = ({ clusterId, subject }: OpenOne): string => `${clusterId} ${subject.node ?? ""}`;

type Open = ReadonlyMap<string, ReadonlyMap<number, OpenOne>>;

/** What may keep it quiet, of all that is open. */
function causesOf({ id: itself, clusterId, subject }: OpenOne, open: Open): Known[] {
  const place = (node: string) => [...(open.get(`${clusterId} ${node}`)?.values() ?? [])];
  const causes = subject.node === undefined ? place("") : [...place(subject.node), ...place("")];
  return causes.filter(({ id }) => id !== itself);
}

export function surroundingsOf(db: Db, now: number): Surroundings {
  const clusters = new Map<number, Promise<void>>();
  const open = new Map<string, Map<number, OpenOne>>();
  let silences: Promise<Silence[]> | undefined;
  let names: Promise<Map<number, string>> | undefined;
  const put = (anomaly: OpenOne) => {
    const place = open.get(placeOf(anomaly)) ?? new Map<number, OpenOne>();
    const cause = anomaly.cause ?? place.get(anomaly.id)?.cause;
    open.set(placeOf(anomaly), place.set(anomaly.id, { ...anomaly, cause }));
  };
  const read = async (clusterId: number) => {
    for (const row of await openAnomalies(db, [clusterId])) put(toOpenOne(row));
  };
  const known = (clusterId: number): Promise<void> => {
    const reading = clusters.get(clusterId) ?? read(clusterId);
    clusters.set(clusterId, reading);
    return reading;
  };
  return {
    open: async (clusterId) => {
      await known(clusterId);
      const all = [...open.values()].flatMap((place) => [...place.values()]);
      return all.filter((anomaly) => anomaly.clusterId === clusterId);
    },
    mutedBy: async (anomaly) => {
      await known(anomaly.clusterId);
      silences ??= silencesAt(db, now);
      names ??= listClusters(db).then((rows) => new Map(rows.map(({ id, name }) => [id, name])));
      const [inForce, nameOf] = await Promise.all([silences, names]);
      const cluster = {
        name: nameOf.get(anomaly.clusterId) ?? "",
        open: causesOf(anomaly, open),
        silences: applying(inForce, anomaly.clusterId),
      };
      return mutedBy(anomaly, cluster, now);
    },
    inhibitorOf: async (anomaly) => {
      await known(anomaly.clusterId);
      return inhibitorOf(anomaly, causesOf(anomaly, open));
    },
    note: async (anomaly) => {
      await known(anomaly.clusterId);
      put(anomaly);
    },
    close: async (anomaly) => {
      await known(anomaly.clusterId);
      open.get(placeOf(anomaly))?.delete(anomaly.id);
    },
  };
}

/** Those of the cluster, and those of all. */
const applying = (silences: readonly Silence[], clusterId: number) =>
  silences
    .filter((silence) => silence.clusterId === null || silence.clusterId === clusterId)
    .map(({ matcher, startsAt, endsAt }) => ({ matcher: matcher as Matcher, startsAt, endsAt }));

const toOpenOne = (row: Awaited<ReturnType<typeof openAnomalies>>[number]): OpenOne => ({
  id: row.id,
  clusterId: row.clusterId,
  nodeId: row.nodeId,
  rule: row.rule,
  subject: row.about as Subject,
  severity: row.severity,
  cause: row.cause ?? undefined,
  muted: row.muted ?? undefined,
  announced: row.announced,
});

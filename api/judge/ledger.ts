import type { Db } from "../../db/client.ts";
import { insertAnomalies, insertEvents, nextAnomalyId, updateAnomalies } from "../../db/queries/anomalies.ts";
import type { AnomalyUpdate, Muted, NewAnomaly, NewEvent } from "../../db/queries/anomalies.ts";
import { dropWatches, writeWatches } from "../../db/queries/watches.ts";
import type { Watch, Watched } from "../../db/queries/watches.ts";
import type { Change, Live } from "../alerts/engine.ts";
import { forgetAt } from "../alerts/life.ts";
import type { Life } from "../alerts/life.ts";
import type { Subject } from "../detect/rule.ts";
import { given, measuredOf, newsOf } from "./news.ts";
import type { OpenOne, Surroundings } from "./surroundings.ts";
import type { Statement } from "./judging.ts";

/** Bytes of JSON in one statement: D1 takes 1 MB. */
const STATEMENT_CHARS = 300_000;

/** What judging found, gathered until it is written in one batch; and what lives, as it is by then. */
export class Ledger {
  readonly #surroundings: Surroundings;
  readonly #db: Db;
  readonly #now: number;
  readonly #lives = new Map<string, Map<string, Watched>>();
  readonly #written = new Map<string, { watch: Watched; gone: boolean }>();
  readonly #opened = new Map<number, NewAnomaly>();
  readonly #updates = new Map<number, AnomalyUpdate>();
  readonly events: NewEvent[] = [];
  #nextId: number | undefined;

  constructor(db: Db, now: number, surroundings: Surroundings) {
    this.#db = db;
    this.#now = now;
    this.#surroundings = surroundings;
  }

  /** Takes over what was watched before. */
  remember(watches: readonly Watched[]): void {
    for (const watch of watches)
      if (!this.#written.has(wholeKey(watch.clusterId, watch.rule, watch.about as Subject))) this.#put(watch);
  }

  #put(watch: Watched): void {
    const place = `${watch.clusterId} ${watch.nodeId}`;
    const lives = this.#lives.get(place) ?? new Map<string, Watched>();
    this.#lives.set(place, lives.set(keyOf(watch.rule, watch.about as Subject), watch));
  }

  /** What lives on a node; 0: what is no node's. */
  lives(clusterId: number, nodeId: number): Live[] {
    const watches = this.#lives.get(`${clusterId} ${nodeId}`)?.values() ?? [];
    return [...watches].map(({ rule, about, life }) => ({
      rule,
      subject: about as Subject,
      life: life as Life,
    }));
  }

  /** How much there is to write. */
  get size(): number {
    return this.#written.size + this.#updates.size + this.events.length;
  }

  /** Takes over what one window (or view) did, all of it at once: what mutes what is known only then. */
  async apply(clusterId: number, nodeId: number, changes: readonly Change[]): Promise<void> {
    const told: { change: Change; watch: Watched; open: OpenOne }[] = [];
    for (const change of changes) {
      const watch = await this.#change(clusterId, nodeId, change);
      const open = change.transition && toOpen(watch, change);
      if (!open) continue;
      told.push({ change, watch, open });
      await (change.transition === "resolved"
        ? this.#surroundings.close(open)
        : this.#surroundings.note(open));
    }
    for (const { change, watch, open } of told) await this.#tell(change, watch, open);
    for (const { watch, change } of told) if (change.transition === "resolved") watch.anomalyId = null;
  }

  async #change(clusterId: number, nodeId: number, change: Change): Promise<Watched> {
    const { rule, subject, life, transition } = change;
    const key = keyOf(rule, subject);
    const place = this.#lives.get(`${clusterId} ${nodeId}`);
    const watch: Watched = {
      ...(place?.get(key) ?? UNWATCHED),
      clusterId,
      rule,
      subject: subject.key,
      nodeId,
      about: subject,
      life,
      forgetAt: life ? (forgetAt(life) ?? null) : null,
    };
    if (transition === "opened" || transition === "flapping") await this.#open(watch, change);
    else if (watch.anomalyId !== null) this.#follow(watch, change);
    if (life) this.#put(watch);
    else place?.delete(key);
    if (change.changed) this.#written.set(wholeKey(clusterId, rule, subject), { watch, gone: !life });
    return watch;
  }

  async #open(watch: Watched, { ruleVersion, subject, life, severity, finding, at, transition }: Change) {
    this.#nextId ??= await nextAnomalyId(this.#db);
    const id = this.#nextId++;
    const measured = measuredOf(finding);
    Object.assign(watch, {
      anomalyId: id,
      severity: severity ?? "warning",
      peak: measured?.value ?? null,
      lastAt: at,
      muted: null,
      announced: false,
    } satisfies Partial<Watched>);
    this.#opened.set(id, {
      id,
      clusterId: watch.clusterId,
      rule: watch.rule,
      ruleVersion,
      subject: watch.subject,
      nodeId: watch.nodeId,
      about: subject,
      severity: severity ?? "warning",
      openedAt: life?.openedAt ?? at,
      resolvedAt: null,
      lastAt: at,
      finding: measured ?? { value: 0 },
      peak: watch.peak,
      muted: null,
      flapping: transition === "flapping",
    });
  }

  #follow(watch: Watched, change: Change): void {
    const news = newsOf(watch, change);
    if (watch.anomalyId === null || !news) return;
    const { peak, severity, lastAt } = news;
    Object.assign(watch, given({ peak, severity, lastAt }));
    this.#update(watch.anomalyId, news);
  }

  #update(id: number, update: Omit<AnomalyUpdate, "id">): void {
    const opened = this.#opened.get(id);
    if (opened) {
      const { muted, stale: _, ...rest } = update;
      Object.assign(opened, rest, muted !== undefined && { muted: muted === "none" ? null : muted });
    } else this.#updates.set(id, { ...this.#updates.get(id), id, ...update });
  }

  async #tell(
    { transition, at, finding, severity, reason }: Change,
    watch: Watched,
    open: OpenOne,
  ): Promise<void> {
    const isOver = transition === "resolved";
    // Who was told that it is wrong is told that it is well.
    const muted = isOver && watch.announced ? undefined : await this.#surroundings.mutedBy(open);
    if (!isOver) {
      this.mute(watch, muted);
      await this.#surroundings.note({ ...open, muted });
    }
    this.event({
      anomalyId: open.id,
      clusterId: open.clusterId,
      rule: open.rule,
      at,
      recordedAt: this.#now,
      transition: transition ?? "",
      severity: severity ?? open.severity,
      finding: measuredOf(finding),
      muted: muted ?? null,
      note: reason,
      by: muted === "inhibited" ? await this.#surroundings.inhibitorOf(open) : undefined,
    });
  }

  /** Notes why nobody is told of it now. */
  mute(anomaly: { anomalyId: number | null; muted: Muted | null }, muted: Muted | undefined): void {
    if (anomaly.anomalyId === null || (anomaly.muted ?? undefined) === muted) return;
    anomaly.muted = muted ?? null;
    this.#update(anomaly.anomalyId, { muted: muted ?? "none" });
  }

  event(event: NewEvent): void {
    this.events.push(event);
  }

  /** All of it. What is over goes before what is opened of the same subject. */
  writes(guard: Statement): Statement[] {
    const written = [...this.#written.values()];
    const kept = written.filter(({ gone }) => !gone).map(({ watch }) => toWatch(watch));
    const gone = written.filter((one) => one.gone).map(({ watch }) => toWatch(watch));
    return [
      ...chunks([...this.#updates.values()]).map((rows) => updateAnomalies(rows, guard)),
      ...chunks([...this.#opened.values()]).map((rows) => insertAnomalies(rows, guard)),
      ...chunks(this.events).map((rows) => insertEvents(rows, guard)),
      ...chunks(gone).map((rows) => dropWatches(rows, guard)),
      ...chunks(kept).map((rows) => writeWatches(rows, guard)),
    ];
  }
}

const UNWATCHED = {
  anomalyId: null,
  severity: null,
  peak: null,
  lastAt: null,
  muted: null,
  announced: false,
} as const;

const keyOf = (rule: string, subject: Subject): string => JSON.stringify([rule, subject.key]);

const wholeKey = (clusterId: number, rule: string, { key }: Subject): string =>
  JSON.stringify([clusterId, rule, key]);

const toWatch = ({ clusterId, rule, subject, nodeId, about, life, anomalyId, forgetAt }: Watched): Watch => ({
  clusterId,
  rule,
  subject,
  nodeId,
  about,
  life,
  anomalyId,
  forgetAt,
});

const toOpen = (watch: Watched, change: Change): OpenOne | undefined =>
  watch.anomalyId === null
    ? undefined
    : {
        id: watch.anomalyId,
        clusterId: watch.clusterId,
        nodeId: watch.nodeId,
        rule: watch.rule,
        subject: change.subject,
        severity: watch.severity ?? "warning",
        cause: measuredOf(change.finding)?.cause,
        muted: watch.muted ?? undefined,
        announced: watch.announced,
      };

/** Rows of which the JSON fits a statement. */
function chunks<Row>(rows: readonly Row[]): Row[][] {
  const all: Row[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const length = JSON.stringify(row).length;
    if (size + length > STATEMENT_CHARS) {
      all.push([]);
      size = 0;
    }
    all.at(-1)?.push(row);
    size += length;
  }
  return all;
}

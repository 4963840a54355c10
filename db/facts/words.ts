import { canonicalAddress } from "../address.ts";
import { storable } from "../text.ts";
import { FOREVER, type Holding, identityOf, isStronger } from "./holding.ts";

/** What one report says of owners. */
export type OwnerWords = {
  /** All that hold an address are listed, not only what changed. */
  complete: boolean;
  /** True where the agent heard of no changes: others may hold addresses by then. */
  doubtful?: boolean;
  holdings: Holding[];
};

/** What the API takes of a name, which is some more than any name of Kubernetes has. */
const MAX_NAME = 253;
const TEXTS = ["kind", "namespace", "name", "uid", "workloadKind", "workload"] as const;
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const CONTROLS = /[\u0000-\u001F\u007F]/g;

/** As it may stand in a key, of which control characters part the fields. */
export const cleanText = (text: string): string => storable(text).replaceAll(CONTROLS, "\uFFFD");

/** Reads `owners` of a report (Owners of api/wire/owners.ts). Undefined where it is none; rows that are none are passed over. */
export function readOwners(owners: unknown): OwnerWords | undefined {
  if (!isRecord(owners) || !Array.isArray(owners["address"])) return undefined;
  const source = text(owners["source"]);
  if (source === undefined) return undefined;
  const holdings = new Map<string, Holding>();
  for (let at = 0; at < owners["address"].length; at++) {
    const holding = readRow(owners, at, source);
    const key = holding && identityOf(holding);
    if (!holding || key === undefined) continue;
    const other = holdings.get(key);
    if (!other || isStronger(holding, other)) holdings.set(key, holding);
  }
  return {
    complete: owners["complete"] === true,
    ...(owners["current"] === false && { doubtful: true }),
    holdings: [...holdings.values()],
  };
}

function readRow(columns: Record<string, unknown>, at: number, source: string): Holding | undefined {
  const cell = (name: string): unknown => {
    const column = columns[name];
    return Array.isArray(column) ? (column[at] as unknown) : undefined;
  };
  const address = cell("address");
  const canonical = typeof address === "string" ? canonicalAddress(address) : undefined;
  const texts = readTexts(cell);
  const since = instant(cell("since") ?? 0);
  const until = cell("until") === null ? null : instant(cell("until"));
  if (canonical === undefined || texts === undefined || since === undefined || until === undefined)
    return undefined;
  return { address: canonical, ...texts, source, since, until };
}

type Texts = Pick<Holding, (typeof TEXTS)[number]>;

function readTexts(cell: (name: string) => unknown): Texts | undefined {
  const texts: Texts = { kind: "", namespace: "", name: "", uid: "", workloadKind: "", workload: "" };
  for (const field of TEXTS) {
    const value = text(cell(field) ?? "");
    if (value === undefined) return undefined;
    texts[field] = value;
  }
  return texts.kind && texts.name ? texts : undefined;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value.length <= MAX_NAME ? cleanText(value) : undefined;

const instant = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < FOREVER
    ? value
    : undefined;

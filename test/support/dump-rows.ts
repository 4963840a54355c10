/**
 * Reads the table of the namespace this runs in and prints what came of it as JSON: dump-rows.ts netlink|procfs|conntrack|auto
 */
import { type Opened, openSource } from "../../agent/sources/index.ts";
import type { Dump } from "../../agent/sources/source.ts";
import { asRow, type Row } from "./rows.ts";

export type Outcome =
  | { name: string; rows: Row[]; dump: Dump }
  | { reasons: { message: string; remedy: string }[] };

async function outcome({ source, reasons }: Opened): Promise<Outcome> {
  if (!source) return { reasons: reasons.map(({ message, remedy }) => ({ message, remedy })) };
  const rows: Row[] = [];
  const dump = await source.dump((entry) => rows.push(asRow(entry)), new AbortController().signal);
  source.close();
  return { name: source.name, rows, dump };
}

const preference = process.argv[2] as Parameters<typeof openSource>[0];
console.log(JSON.stringify(await outcome(await openSource(preference))));

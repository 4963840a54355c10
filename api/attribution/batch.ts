import { readJson, readText } from "../body.ts";
import { othersFirst } from "../in-turn.ts";
import { invalid, ProblemError } from "../problem.ts";
import { type CsvRow, csvRows } from "./csv-rows.ts";
import { type Fields, questionFields, withDefaults } from "./question.ts";
import { parseBody, readQuestion } from "./questions.ts";
import { type Failure, notUnderstood, type TextRules } from "./text/line.ts";
import { textReader } from "./text.ts";

/** Some seconds of work at most, and some megabytes of answer. */
export const MAX_LINES = 10_000;
/** Room for so many lines of an access log; as much as of a report, so that a Worker has the memory. */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Read at a stretch, lines or characters: some milliseconds. */
const LINES_AT_ONCE = 500;
const CHARACTERS_AT_ONCE = 50_000;

/** A line of a batch: what it asks, or why it asks nothing. */
export type BatchItem = { line: number } & ({ fields: Fields & { address: string } } | { failure: Failure });

/** What the query says of all lines. */
export type BatchRules = TextRules & { defaults: Fields; deadlineMs?: number | undefined };

type Reading = (body: Body) => Promise<BatchItem[]>;
type Body = { request: Request; rules: BatchRules };

const READERS: Readonly<Record<string, Reading>> = {
  "application/json": readQuestions,
  "text/csv": readCsv,
  "text/plain": readLines,
};

/** The lines in the body of a request, by its type. Throws a problem where the whole of it is none, or too much. */
export async function readBatch(request: Request, rules: BatchRules): Promise<BatchItem[]> {
  const [type = ""] = (request.headers.get("content-type") ?? "").toLowerCase().split(";", 1);
  const read = READERS[type.trim()];
  if (read) return read({ request, rules });
  const types = Object.keys(READERS).join(", ");
  throw new ProblemError("unsupported-media", `Content-Type must be one of ${types}.`);
}

const limitsOf = ({ deadlineMs }: BatchRules) => ({
  wireBytes: MAX_BATCH_BYTES,
  inflatedBytes: MAX_BATCH_BYTES,
  deadlineMs,
});

async function readLines({ request, rules }: Body): Promise<BatchItem[]> {
  const { defaults } = rules;
  const read = textReader(rules);
  // Who names the peer knows it as the nodes do; a socket knows the address that it has itself.
  const namesPeer = defaults.peer !== undefined || defaults.peerPort !== undefined;
  return collect(linesOf(await readText(request, limitsOf(rules))), ({ line, text }) => {
    const said = read(text);
    if (!said || "failure" in said) return said && { line, ...said };
    const { found } = said;
    const own = namesPeer ? { ...found, peer: undefined, peerPort: undefined } : found;
    return { line, ...asking(own, defaults) };
  });
}

async function readCsv({ request, rules }: Body): Promise<BatchItem[]> {
  const rows = csvRows(await readText(request, limitsOf(rules)));
  const heading = await firstRow(rows);
  const names = heading ? heading.cells.map(toField) : [];
  if (!names.includes("address"))
    throw invalid("The body is invalid.", [
      {
        path: [],
        message: `the first line must name the columns: ${NAMES.join(", ")}, of which only address must be there`,
      },
    ]);
  return collect(rows, ({ line, cells }) => {
    const texts: Record<string, string> = {};
    for (const [at, name] of names.entries()) {
      const cell = cells[at]?.trim() ?? "";
      if (name !== undefined && cell !== "") texts[name] ??= cell;
    }
    return { line, ...askingOf(texts, rules.defaults) };
  });
}

const NAMES = Object.keys(questionFields);
const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z]/g, "");
const FIELDS = new Map(NAMES.map((name) => [plain(name), name]));
const toField = (column: string): string | undefined => FIELDS.get(plain(column));

async function readQuestions({ request, rules }: Body): Promise<BatchItem[]> {
  const { questions, defaults } = parseBody(await readJson(request, limitsOf(rules)));
  const all = withDefaults(defaults, rules.defaults);
  if (questions.length > MAX_LINES) throw tooMany();
  const numbered = questions.map((question, at) => ({ question, line: at + 1 }));
  return collect(numbered, ({ question, line }) => ({ line, ...askingOf(question, all) }));
}

function askingOf(question: unknown, defaults: Fields) {
  const read = readQuestion(question);
  return "fields" in read ? asking(read.fields, defaults) : notUnderstood(read.complaint);
}

function asking(own: Fields, defaults: Fields) {
  const { address = "", ...rest } = withDefaults(own, defaults);
  return { fields: { ...rest, address } };
}

async function firstRow(rows: Iterator<CsvRow | undefined>): Promise<CsvRow | undefined> {
  for (;;) {
    const { done, value } = rows.next();
    if (done === true || value) return value;
    await othersFirst();
  }
}

/** Lines that are not blank, and where they are. Undefined is a pause, in which others may have their turn. */
export function* linesOf(text: string): Generator<{ line: number; text: string } | undefined> {
  for (let at = 0, line = 1, paused = 0; at < text.length; line++) {
    if (at - paused >= CHARACTERS_AT_ONCE) {
      yield undefined;
      paused = at;
    }
    const end = text.indexOf("\n", at);
    const one = text.slice(at, end === -1 ? undefined : end).trimEnd();
    if (one !== "") yield { line, text: one };
    at = end === -1 ? text.length : end + 1;
  }
}

async function collect<T>(
  all: Iterable<T | undefined>,
  read: (one: T) => BatchItem | undefined,
): Promise<BatchItem[]> {
  const items: BatchItem[] = [];
  let seen = 0;
  for (const one of all) {
    const item = one && read(one);
    if (item && items.push(item) > MAX_LINES) throw tooMany();
    if (!one || ++seen % LINES_AT_ONCE === 0) await othersFirst();
  }
  return items;
}

const tooMany = () =>
  new ProblemError("too-large", `A batch has at most ${MAX_LINES} lines: send the rest in another.`);

import { access } from "node:fs/promises";
import { innermost, whyNotOpened } from "../../db/failure.ts";
import { openToRead } from "../../db/libsql-read.ts";
import { type Checked, type Problem, problemsIn } from "../../db/queries/fsck.ts";
import { databaseFile, databaseUrl, withoutSecrets } from "./config.ts";

const CLEAN = 0;
const PROBLEMS = 1;
const USAGE_ERROR = 2;
const HELP = `Usage: npm run fsck [-- --json]

Looks whether everything stored can be read and every bucket is what its finer tier gives, while the service runs or not, and changes
nothing. One line a problem; --json prints all as one object. Exit code 0: none, 1: some, 2: it could not look.
CONNTRAIL_DATABASE_URL says which database it is, as for the service.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(HELP);
    return CLEAN;
  }
  const wrong = args.find((arg) => arg !== "--json");
  if (wrong !== undefined)
    return complain(`"${wrong}" is not understood; CONNTRAIL_DATABASE_URL names the database. See --help.`);
  const complaints: string[] = [];
  const url = databaseUrl(process.env["CONNTRAIL_DATABASE_URL"], (complaint) => complaints.push(complaint));
  const [complaint] = complaints;
  if (complaint !== undefined) return complain(complaint);
  if (!url.startsWith("file:"))
    return complain(
      `${withoutSecrets(url)} is no file. Look at a copy of it: fetch one, and name it in CONNTRAIL_DATABASE_URL.`,
    );
  const file = databaseFile({ databaseUrl: url });
  if (!(await isThere(file)))
    return complain(
      `There is no database ${file}: start this where the service runs, with its CONNTRAIL_DATABASE_URL.`,
    );
  try {
    return await check(url, args.includes("--json"));
  } catch (error) {
    return complain(`The database ${file} cannot be looked at: ${whyNotOpened(innermost(error))}`);
  }
}

async function check(url: string, json: boolean): Promise<number> {
  const reading = openToRead(url);
  try {
    const checked: Checked = { segments: 0, buckets: 0, recomputed: 0 };
    const problems: Problem[] = [];
    const begins = (what: string) => console.error(`Looking at ${what} ...`);
    for await (const problem of problemsIn(reading.look, checked, begins)) {
      problems.push(problem);
      if (!json) console.log(`${problem.kind}: ${problem.where}: ${problem.message}`);
    }
    if (json) console.log(JSON.stringify({ problems, checked }));
    const did = `${checked.segments} segments and ${checked.buckets} buckets read, ${checked.recomputed} buckets folded anew`;
    console.error(`${problems.length === 0 ? "Clean" : `${problems.length} problems`}: ${did}.`);
    return problems.length === 0 ? CLEAN : PROBLEMS;
  } finally {
    reading.close();
  }
}

function complain(text: string): number {
  console.error(text);
  return USAGE_ERROR;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

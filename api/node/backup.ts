import { access, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { innermost } from "../../db/failure.ts";
import { openLibsql } from "../../db/libsql.ts";
import { copyInto } from "../../db/queries/care.ts";
import { databaseFile, databaseUrl, withoutSecrets } from "./config.ts";

const FAILED = 1;
const USAGE_ERROR = 2;
const HELP = `Usage: npm run backup [-- TARGET]

Copies the database while the service runs, into TARGET: a new file, or a folder that is there, in which the copy is named after the
time. Without it the copy lies beside the database. CONNTRAIL_DATABASE_URL says which database it is, as for the service.`;

const ELSEWHERE =
  "Copy it where it is: turso db shell NAME .dump > copy.sql for Turso, wrangler d1 export DB --remote --output copy.sql for D1.";

// The copy says who talks to whom, as the database does: it is for its owner only.
process.umask(0o077);
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(HELP);
    return 0;
  }
  const [asked, ...more] = args;
  const wrong = asked?.startsWith("-") ? asked : more[0];
  if (wrong !== undefined) {
    console.error(`"${wrong}" is not understood: one target is taken. See --help.`);
    return USAGE_ERROR;
  }
  const complaints: string[] = [];
  const url = databaseUrl(process.env["CONNTRAIL_DATABASE_URL"], (complaint) => complaints.push(complaint));
  if (complaints.length === 0 && !url.startsWith("file:"))
    complaints.push(`${withoutSecrets(url)} is no file. ${ELSEWHERE}`);
  if (complaints.length > 0) {
    for (const complaint of complaints) console.error(complaint);
    return USAGE_ERROR;
  }
  const source = databaseFile({ databaseUrl: url });
  if (!(await isThere(source))) {
    console.error(
      `There is no database ${source}: start this where the service runs, with its CONNTRAIL_DATABASE_URL.`,
    );
    return FAILED;
  }
  return backUp(url, source, await targetOf(asked, source));
}

async function backUp(url: string, source: string, target: string): Promise<number> {
  if (await isThere(target)) {
    console.error(`${target} is there already: name a file that is not, or remove it.`);
    return FAILED;
  }
  if (!(await isThere(dirname(target)))) {
    console.error(`There is no folder ${dirname(target)}: make it first.`);
    return FAILED;
  }
  // Whoever sees the target sees all of it.
  const partial = `${target}.${process.pid}.partial`;
  const startedAt = Date.now();
  try {
    await copy(url, partial);
    await synced(partial);
    await rename(partial, target);
    await synced(dirname(target));
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    console.error(`No backup was made: ${innermost(error).message}`);
    return FAILED;
  }
  const { size } = await stat(target);
  console.log(`${target}: ${size} bytes in ${Date.now() - startedAt} ms.`);
  console.log(
    `To restore it: stop the service; mv, do not copy, what is there out of the way (all of ${source}*);`,
  );
  console.log(`  cp ${target} ${source}; start the service.`);
  return 0;
}

async function copy(url: string, file: string): Promise<void> {
  const database = await openLibsql({ url });
  try {
    await copyInto(database.db, file);
  } finally {
    database.close();
  }
}

/** What was written of a file, or of the names in a folder, is on the disk. */
async function synced(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function targetOf(asked: string | undefined, source: string): Promise<string> {
  const name = `conntrail-${new Date().toISOString().replaceAll(":", "-")}.db`;
  if (asked === undefined) return join(dirname(source), name);
  const isFolder = await stat(asked).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? join(asked, name) : asked;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

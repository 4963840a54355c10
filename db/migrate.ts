import { whyNotOpened } from "./failure.ts";
import { openLibsql } from "./libsql.ts";

// For a libSQL server that Workers use: they cannot read the migrations, and Node migrates what it opens itself.
const { CONNTRAIL_DATABASE_URL, CONNTRAIL_DATABASE_TOKEN, LIBSQL_URL, LIBSQL_AUTH_TOKEN } = process.env;
const url = CONNTRAIL_DATABASE_URL ?? LIBSQL_URL;
const authToken = CONNTRAIL_DATABASE_TOKEN ?? LIBSQL_AUTH_TOKEN;
// Where it is a file: what it will hold, who talks to whom, is for its owner only.
process.umask(0o077);
process.exitCode = await main();

async function main(): Promise<number> {
  if (!url) {
    console.error("Set LIBSQL_URL (libsql://...) and LIBSQL_AUTH_TOKEN, as the Worker has them.");
    return 2;
  }
  try {
    const database = await openLibsql({ url, authToken });
    await database.migrate();
    database.close();
  } catch (error) {
    console.error(`The schema cannot be brought up to date: ${whyNotOpened(error)}`);
    return 1;
  }
  console.log("The schema is up to date.");
  return 0;
}

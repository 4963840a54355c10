import { openLibsql } from "./libsql.ts";

// For a libSQL server that Workers use: they cannot read the migrations, and Node migrates what it opens itself.
const url = process.env["CONNTRAIL_DATABASE_URL"];
if (url) {
  const database = await openLibsql({ url, authToken: process.env["CONNTRAIL_DATABASE_TOKEN"] });
  await database.migrate();
  database.close();
  console.log(`The schema of ${url} is up to date.`);
} else {
  console.error("Set CONNTRAIL_DATABASE_URL (libsql://…) and CONNTRAIL_DATABASE_TOKEN.");
  process.exitCode = 1;
}

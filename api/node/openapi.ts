import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openapiDocument } from "../openapi.ts";

/** Writes api/openapi.json from the routes, or with --check only says whether it is what they say. */
const path = join(import.meta.dirname, "../openapi.json");
const wanted = `${JSON.stringify(openapiDocument(), null, 2)}\n`;
if (!process.argv.includes("--check")) await writeFile(path, wanted);
else if ((await readFile(path, "utf8")) !== wanted) {
  console.error("api/openapi.json is not what the routes say; write it with: npm run openapi");
  process.exitCode = 1;
}

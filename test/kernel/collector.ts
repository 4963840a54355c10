/**
 * Takes reports inside a namespace, run by Node there: collector.ts PORT. Says `ready`, then one line of JSON for each report:
 * {report} as the wire's schema reads it, or {invalid} with what the schema says of it, which is refused.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { zstdDecompressSync } from "node:zlib";
import { prettifyError } from "zod";
import { Report } from "../../api/wire.ts";

const server = createServer(async (request, response) => {
  const text = zstdDecompressSync(await buffer(request)).toString();
  const { data, error } = Report.safeParse(JSON.parse(text));
  console.log(JSON.stringify(data ? { report: data } : { invalid: `${prettifyError(error)}\n${text}` }));
  response.writeHead(data ? 202 : 422).end(JSON.stringify({ stored: data !== undefined }));
});
await once(server.listen(Number(process.argv[2]), "127.0.0.1"), "listening");
console.log("ready");

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { zstdDecompressSync } from "node:zlib";
import { onTestFinished } from "vitest";
import { Report } from "../../api/wire.ts";

/** Answers of a server to one report, before it looks at it; undefined stores the report. */
type Refuse = (report: Report) => { status: number; headers?: Record<string, string> } | undefined;

/** A server on loopback that keeps reports by identity, and counts those that come again. */
export async function startCollector(refuse: Refuse = () => undefined) {
  const stored = new Map<string, Report>();
  let duplicates = 0;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const report = Report.parse(JSON.parse(zstdDecompressSync(body).toString()));
    const refused = refuse(report);
    if (refused) return void response.writeHead(refused.status, refused.headers).end("refused");
    const identity = `${report.node.bootId}/${report.sequence}`;
    const duplicate = stored.has(identity);
    if (duplicate) duplicates += 1;
    else stored.set(identity, report);
    return void response.writeHead(202).end(JSON.stringify({ stored: !duplicate, duplicate }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, stored, duplicates: () => duplicates };
}

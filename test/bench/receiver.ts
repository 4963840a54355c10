/** Takes every report as the API would answer it and prints a line of JSON about each; for measuring the agent alone. */
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { zstdDecompressSync } from "node:zlib";
import type { Report } from "../../api/wire.ts";

/** What the bench asks of a report. */
export interface Received {
  at: number;
  bytes: number;
  events: Report["completeness"]["events"];
  /** When the dump it rests on was taken, and how many entries it had. */
  dumpAt: number | undefined;
  entries: number | undefined;
  keyframe: { part: number; parts: number } | undefined;
  selfCpuMs: number | undefined;
}

function received(body: Buffer): Received {
  const { completeness, dump, keyframe, self } = JSON.parse(zstdDecompressSync(body).toString()) as Report;
  return {
    at: performance.now(),
    bytes: body.length,
    events: completeness.events,
    dumpAt: dump?.takenAt,
    entries: dump?.entries,
    keyframe: keyframe && { part: keyframe.part, parts: keyframe.parts },
    selfCpuMs: self?.cpuMs,
  };
}

if (import.meta.main) {
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    response.writeHead(202, { "content-type": "application/json" }).end('{"stored":true}');
    console.log(JSON.stringify(received(body)));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
}

/** Takes every report as the API would answer it and prints a line for each; for measuring the agent alone. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  request.resume().once("end", () => {
    response.writeHead(202, { "content-type": "application/json" }).end('{"stored":true}');
    console.log("report");
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));

/**
 * What a service sees of those who reach it, run by Node inside a namespace: recorder.ts IPV4 IPV6 PORT…. It takes TCP and UDP on
 * the ports and echo requests, and writes a line of JSON (`Seen`) for each flow as it begins: who came, by address and port, when,
 * and what the other end says of itself, which it sends back. Says `ready` once it listens.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6 } from "node:net";
import { hearEchoes } from "./icmp.ts";

export interface Seen {
  /** IANA number. */
  protocol: number;
  /** As the service sees the other end; of ICMP the id for a port. */
  address: string;
  port: number;
  /** Its own. */
  peer: string;
  peerPort?: number;
  /** Epoch ms, by its own clock. */
  at: number;
  says: string;
}

const [TCP, UDP] = [6, 17];
const [ipv4 = "", ipv6 = "", ...ports] = process.argv.slice(2);

/** A socket of both families has IPv4 in the shape of IPv6. */
const plain = (address = "") => address.replace(/^::ffff:/, "");
const own = (address: string) => (isIPv6(address) ? ipv6 : ipv4);
const say = (seen: Omit<Seen, "peer">) =>
  console.log(JSON.stringify({ ...seen, peer: own(seen.address) } satisfies Seen));

async function listen(peerPort: number): Promise<void> {
  const server = createServer((socket) => {
    const [address, port = 0, at] = [plain(socket.remoteAddress), socket.remotePort, Date.now()];
    socket.on("error", () => {});
    socket.once("data", (says: Buffer) => {
      say({ protocol: TCP, address, port, peerPort, at, says: says.toString() });
      socket.write(says);
    });
  });
  const socket = createSocket("udp6");
  socket.on("message", (says: Buffer, { address, port }) => {
    say({ protocol: UDP, address: plain(address), port, peerPort, at: Date.now(), says: says.toString() });
    socket.send(says, port, address);
  });
  await Promise.all([
    once(server.listen({ port: peerPort, host: "::", backlog: 4096 }), "listening"),
    new Promise<void>((bound) => socket.bind(peerPort, "::", bound)),
  ]);
}

await Promise.all(ports.map((port) => listen(Number(port))));
await hearEchoes(({ protocol, address, id, payload }) =>
  say({ protocol, address, port: id, at: Date.now(), says: payload }),
);
console.log("ready");

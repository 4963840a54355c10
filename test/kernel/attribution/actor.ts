/**
 * One who reaches services, run by Node inside a namespace. Each line it is given is an `Act` as JSON, answered by a line once it is
 * done; it holds what it opened until it is killed.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, isIPv6 } from "node:net";
import { createInterface } from "node:readline";
import { ping } from "./icmp.ts";

/** `count` flows from ports (ids) in a row, of which each says the same. `tcp` are held, those of `tcp-closed` closed. */
export interface Act {
  act: "tcp" | "tcp-closed" | "udp" | "ping";
  host: string;
  port: number;
  first: number;
  count: number;
  says: string;
}

/** A hundred at once are more than the buffers on the way take. */
const AT_ONCE = 64;
/** A machine under load loses packets between namespaces, and of two that choose one NAT port at a moment the kernel drops one. */
const RESEND_MS = 250;

async function tcp({ act, host, port, says }: Act, localPort: number): Promise<void> {
  const socket = connect({ host, port, localPort });
  socket.write(says);
  await once(socket, "data");
  if (act === "tcp") socket.on("error", () => {});
  else await once(socket.end(), "close");
}

async function udp({ host, port, says }: Act, localPort: number): Promise<void> {
  const v6 = isIPv6(host);
  const socket = createSocket({ type: v6 ? "udp6" : "udp4", ipv6Only: v6, reuseAddr: true });
  await new Promise<void>((bound) => socket.bind(localPort, bound));
  await new Promise<void>((connected) => socket.connect(port, host, connected));
  const answer = once(socket, "message");
  const send = () => socket.send(says);
  send();
  const again = setInterval(send, RESEND_MS);
  await answer;
  clearInterval(again);
  socket.close();
}

async function perform(act: Act): Promise<void> {
  const ports = Array.from({ length: act.count }, (_, i) => act.first + i);
  if (act.act === "ping") return ping(act.host, ports, act.says);
  const one = act.act === "udp" ? udp : tcp;
  let next = 0;
  const inTurn = async () => {
    for (let at = next++; at < ports.length; at = next++) await one(act, ports[at]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
}

console.log("ready");
for await (const line of createInterface(process.stdin)) {
  await perform(JSON.parse(line) as Act);
  console.log("done");
}

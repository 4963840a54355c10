import { parseProtocol } from "../../protocol.ts";
import { parseWithPort, type Endpoint } from "../endpoint.ts";
import { failed, type LineRead, type TextRules } from "./line.ts";

const HEADING =
  /^\s*(?:(?:Netid\s+)?(?:State\s+)?Recv-Q\s+Send-Q\s+Local|Proto\s+Recv-Q\s+Send-Q\s+Local|Active Internet)/;
/** Protocol and state where they are written, two queues, and both ends; what follows is of no matter. */
const ROW =
  /^\s*(?:(tcp|udp|sctp|dccp)(?:lite)?6?\s+)?(?:[A-Z][A-Z0-9_-]{2,15}\s+)?\d{1,10}\s+\d{1,10}\s+(\S{1,100}:(?:\d{1,5}|\*))\s+(\S{1,100}:(?:\d{1,5}|\*))(?=\s|$)/;
/** lsof writes both ends as one word. */
const LSOF = /\s(TCP|UDP)\s+(\S{1,100})->(\S{1,100})/;

/** `conntrack -L`, from who opened it to whom; then what the answers have, turned round and translated. */
const TRACKED =
  /\b(tcp|udp|sctp|dccp)(?:lite)?\s.{0,100}?\bsrc=(\S{2,60}) dst=(\S{2,60}) sport=(\d{1,5}) dport=(\d{1,5})(?: .{0,200}?\bsrc=(\S{2,60}) dst=(\S{2,60}) sport=(\d{1,5}) dport=(\d{1,5}))?/;
/** A packet as tcpdump prints it. */
const PACKET = /\bIP6? (\S{2,60})\.(\d{1,5}) > (\S{2,60})\.(\d{1,5}): (Flags|UDP)?/;

/** A row of `ss`, `netstat`, `lsof -i` or `conntrack -L`, or a packet of `tcpdump`; "other" where the line is none. */
export function readSocket(line: string, { side }: Pick<TextRules, "side">): LineRead | "other" {
  if (HEADING.test(line)) return undefined;
  const [, protocol, local, peer] = ROW.exec(line) ?? LSOF.exec(line) ?? [];
  if (local === undefined || peer === undefined)
    return readTracked(line, side) ?? readPacket(line) ?? "other";
  const [near, far] = [parseWithPort(local), parseWithPort(peer)];
  const [asked, other] = side === "remote" ? [far, near] : [near, far];
  // Who only listens has no port at the far end, and nobody has this.
  if (!far || !asked) return failed("not-connected");
  return { found: { ...asked, protocol: parseProtocol(protocol ?? ""), ...toPeer(other) } };
}

/** Where it was run on the node, what the far end sees is where the answers go to. */
function readTracked(line: string, side: TextRules["side"]): LineRead {
  const [, protocol = "", ...[source, peer, port, peerPort, answerer, nat, answererPort, natPort]] =
    TRACKED.exec(line) ?? [];
  if (side === "remote") return between([source, port], [peer, peerPort], protocol);
  return between([nat, natPort], [answerer, answererPort], protocol);
}

/** Whoever sent it is asked for. */
function readPacket(line: string): LineRead {
  const [, source, port, peer, peerPort, kind] = PACKET.exec(line) ?? [];
  return between([source, port], [peer, peerPort], kind === "Flags" ? "tcp" : (kind ?? ""));
}

type Apart = [address: string | undefined, port: string | undefined];

function between(asked: Apart, other: Apart, protocol: string): LineRead {
  const [end, far] = [asked, other].map(([address, port]) => parseWithPort(`${address}:${port}`));
  return end && far && { found: { ...end, protocol: parseProtocol(protocol.toLowerCase()), ...toPeer(far) } };
}

const toPeer = (end: Endpoint | undefined) => (end ? { peer: end.address, peerPort: end.port } : {});

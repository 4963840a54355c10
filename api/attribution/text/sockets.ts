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

/** A row of `ss`, `netstat` or `lsof -i`; "other" where the line is none. */
export function readSocket(line: string, { side }: Pick<TextRules, "side">): LineRead | "other" {
  if (HEADING.test(line)) return undefined;
  const [, protocol, local, peer] = ROW.exec(line) ?? LSOF.exec(line) ?? [];
  if (local === undefined || peer === undefined) return "other";
  const [near, far] = [parseWithPort(local), parseWithPort(peer)];
  const [asked, other] = side === "remote" ? [far, near] : [near, far];
  // Who only listens has no port at the far end, and nobody has this.
  if (!far || !asked) return failed("not-connected");
  return { found: { ...asked, protocol: parseProtocol(protocol ?? ""), ...toPeer(other) } };
}

const toPeer = (end: Endpoint | undefined) => (end ? { peer: end.address, peerPort: end.port } : {});

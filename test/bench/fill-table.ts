import { loadLibc } from "../../agent/sources/libc.ts";
import { openNetlinkSocket } from "../../agent/sources/netlink-socket.ts";
import { message, payloadOf } from "../support/ctnetlink-messages.ts";
import { aRow, type Row } from "../support/rows.ts";

const NLM_F_REQUEST = 0x1;
const NLM_F_CREATE = 0x400;
/** Requests a datagram: the kernel reads several from one, and a send costs more than an insertion. */
const BATCH = 100;

const PODS = 40;
const PEERS = 499;

/**
 * Inserts `count` masqueraded flows of 40 Pods into the conntrack table of the network namespace this process is in:
 * TCP in several states and UDP, one in eight over IPv6. Needs CAP_NET_ADMIN; runs as a script too, count as argument.
 */
export async function fillTable(count: number): Promise<void> {
  const socket = openNetlinkSocket(await loadLibc());
  try {
    for (let first = 0; first < count; first += BATCH) {
      const rows = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => flow(first + i));
      const header = { flags: NLM_F_REQUEST | NLM_F_CREATE, port: 0 };
      socket.send(Uint8Array.from(rows.flatMap((row) => message(payloadOf(row), header))));
    }
  } finally {
    socket.close();
  }
}

/** The i-th flow; no two share a tuple in either direction. */
function flow(i: number): Row {
  const v6 = i % 8 === 7;
  const udp = i % 4 === 2;
  const [pod, peer] = [10 + (i % PODS), i % PEERS];
  const [sport, natPort] = [1024 + Math.floor(i / PODS), 1024 + Math.floor(i / PEERS)];
  const src = v6 ? `fd00:244::${pod}` : `10.244.0.${pod}`;
  const dst = v6 ? `fd00:50::1:${peer}` : `192.168.${50 + (peer >> 8)}.${peer & 255}`;
  const nat = v6 ? "fd00:50::10" : "192.168.100.10";
  const dport = udp ? 53 : 443;
  return aRow({
    family: v6 ? 6 : 4,
    protocol: udp ? 17 : 6,
    orig: { src, dst, sport, dport },
    reply: { src: dst, dst: nat, sport: dport, dport: natPort },
    state: udp ? -1 : i % 16 === 0 ? 7 : 3,
    status: 0x18e,
    timeout: udp ? 3_000 : 86_400,
  });
}

if (import.meta.main) await fillTable(Number(process.argv[2]));

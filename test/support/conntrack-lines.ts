/** One line that the conntrack command prints of a flow, read without any code of the agent. */
export interface Flow {
  family: "ipv4" | "ipv6";
  protocol: number;
  source: string;
  sourcePort: number;
  natAddress: string;
  /** Port the peer sees; of ICMP the id. */
  natPort: number;
  peer: string;
  /** 0 where the protocol has no ports. */
  peerPort: number;
  zone: number;
  /** Both directions; 0 without accounting. */
  packets: number;
  bytes: number;
}

/** Flows in what `conntrack -L -o extended` and `conntrack -D -o extended` print. */
export const flowsIn = (text: string): Flow[] =>
  text
    .split("\n")
    .filter((line) => /^ipv[46] /.test(line))
    .map(flowOf);

/** The text `decodeLeases` has for the flow's lease. */
export const leaseText = ({ natAddress, natPort, protocol, peer, peerPort, source, sourcePort }: Flow) =>
  `${natAddress}:${natPort} ${protocol} ${peer}:${peerPort} ${source}:${sourcePort}`;

function flowOf(line: string): Flow {
  const [family, , , protocol] = line.split(/ +/);
  const all = (name: string) =>
    [...line.matchAll(new RegExp(` ${name}=(\\S+)`, "g"))].map(([, value]) => value);
  const two = (name: string, other = name) => {
    const [orig, reply] = [all(name), all(other)].map((values) => values.map(Number));
    return [orig?.[0] ?? 0, reply?.at(-1) ?? 0] as const;
  };
  const [source = "", peer = ""] = all("src");
  const id = line.includes(" id=");
  const [sourcePort, natPort] = id ? two("id") : two("sport", "dport");
  const [origPackets, replyPackets] = two("packets");
  const [origBytes, replyBytes] = two("bytes");
  return {
    family: family === "ipv6" ? "ipv6" : "ipv4",
    protocol: Number(protocol),
    source,
    sourcePort,
    natAddress: all("dst").at(-1) ?? "",
    natPort,
    peer,
    peerPort: id ? 0 : Number(all("sport").at(-1) ?? 0),
    zone: Number(all("zone")[0] ?? 0),
    packets: origPackets + replyPackets,
    bytes: origBytes + replyBytes,
  };
}

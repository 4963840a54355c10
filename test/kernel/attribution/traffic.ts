import { SERVER_V4, SERVER_V6 } from "../../support/namespaces.ts";
import type { Act } from "./actor.ts";
import {
  HAIRPIN_V4,
  type Lab,
  NODE_PORT,
  type Party,
  PORT,
  RANDOM_PORT,
  REUSED_PORT,
  SECOND_PORT,
  SERVICE_PORT,
  SERVICE_V4,
  SERVICE_V6,
} from "./lab.ts";
import { NODE_V4 } from "../../support/namespaces.ts";

const PODS = [0, 1, 2] as const;

type Wave = readonly [act: Act["act"], host: string, port: number, count: number];

/** What each Pod opens from the very same source ports (ids) at the same time, by how the node translates it. */
const WAVES: Record<string, readonly Wave[]> = {
  masquerade: [
    ["tcp", SERVER_V4, PORT, 200],
    ["tcp-closed", SERVER_V4, PORT, 150],
    ["udp", SERVER_V4, PORT, 250],
  ],
  ipv6: [
    ["tcp", SERVER_V6, PORT, 120],
    ["udp", SERVER_V6, PORT, 120],
  ],
  icmp: [
    ["ping", SERVER_V4, 0, 30],
    ["ping", SERVER_V6, 0, 30],
  ],
  "random-fully": [
    ["tcp", SERVER_V4, RANDOM_PORT, 120],
    ["udp", SERVER_V4, RANDOM_PORT, 120],
    ["tcp", SERVER_V6, RANDOM_PORT, 60],
  ],
  "two addresses": [
    ["tcp", SERVER_V4, SECOND_PORT, 120],
    ["udp", SERVER_V4, SECOND_PORT, 120],
    ["tcp", SERVER_V6, SECOND_PORT, 60],
  ],
  service: [
    ["tcp", SERVICE_V4, SERVICE_PORT, 100],
    ["udp", SERVICE_V4, SERVICE_PORT, 100],
    ["tcp", SERVICE_V6, SERVICE_PORT, 60],
  ],
  hairpin: [
    ["tcp", HAIRPIN_V4, SERVICE_PORT, 60],
    ["udp", HAIRPIN_V4, SERVICE_PORT, 60],
  ],
};
const INBOUND: readonly Wave[] = [
  ["tcp", NODE_V4, NODE_PORT, 150],
  ["udp", NODE_V4, NODE_PORT, 150],
];
/** Kinds of traffic that the node translates, each of which is a part of the story. */
export const KINDS = [...Object.keys(WAVES), "inbound"];

/** Opens every kind of flow; parties beside each other, each its own one after another. */
export async function wave(lab: Lab): Promise<void> {
  const of = (party: Party, what: string, waves: readonly Wave[], first: number) =>
    opened(lab, { party, what, waves, first });
  const pods = PODS.map(async (pod) => {
    let first = 12_000;
    for (const [what, waves] of Object.entries(WAVES)) first = await of(pod, what, waves, first);
  });
  await Promise.all([...pods, of("server", "inbound", INBOUND, 12_000)]);
}

type Opened = { party: Party; what: string; waves: readonly Wave[]; first: number };

async function opened(lab: Lab, { party, what, waves, first }: Opened): Promise<number> {
  let next = first;
  for (const [act, host, port, count] of waves) {
    await lab.act(party, what, { act, host, port, count, first: next });
    next += count;
  }
  return next;
}

/** A few flows of every protocol, from ports that nobody uses else. */
export async function few(
  lab: Lab,
  what: string,
  { first, pods = PODS }: { first: number; pods?: readonly Party[] },
) {
  const waves: readonly Wave[] = [
    ["tcp", SERVER_V4, PORT, 40],
    ["udp", SERVER_V4, PORT, 40],
    ["tcp", SERVER_V6, PORT, 20],
    ["ping", SERVER_V4, 0, 5],
  ];
  await Promise.all(pods.map((party) => opened(lab, { party, what, waves, first })));
}

/** A Pod takes the NAT ports of those who had them before, whose entries are gone. */
export async function takePorts(
  lab: Lab,
  what: string,
  { pod, first, count }: { pod: 0 | 1 | 2; first: number; count: number },
) {
  // The command fails where there is nothing to delete.
  await lab.onNode(`conntrack -D -p udp -d ${SERVER_V4} --dport ${REUSED_PORT} 2>&1 | tail -1`);
  await lab.act(pod, what, { act: "udp", host: SERVER_V4, port: REUSED_PORT, first, count });
}

/** A small generator with a seed, so that sizes are the same in every run (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const NODE = 0xc0a8320a | 0;

/** Where a Pod's flows go: DNS through its Service, the API server, a cache, a database outside, one host of its own. */
export interface Destination {
  /** Share of the Pod's flows, out of 100. */
  share: number;
  protocol: number;
  service?: number;
  peer: number;
  port: number;
  masqueraded: boolean;
}

export function destinations(pod: number, random: () => number): Destination[] {
  const dns = { protocol: 17, service: 0x0a60000a, port: 53, masqueraded: false };
  return [
    { ...dns, share: 25, peer: 0x0af40102 },
    { ...dns, share: 25, peer: 0x0af40203 },
    { share: 5, protocol: 6, service: 0x0a600001, peer: 0xc0a83202, port: 6443, masqueraded: true },
    {
      share: 15,
      protocol: 6,
      service: 0x0a60004d,
      peer: 0x0af40300 | (pod % 12),
      port: 6379,
      masqueraded: false,
    },
    { share: 20, protocol: 6, peer: 0xcb007114, port: 5432, masqueraded: true },
    { share: 10, protocol: 6, peer: 0xcb007200 | Math.floor(random() * 50), port: 443, masqueraded: true },
  ];
}

/** By share, out of 100, of all that a Pod of {@link destinations} talks to. */
export function usual(pod: number, random: () => number): Destination {
  let left = random() * 100;
  const all = destinations(pod, random);
  return all.find(({ share }) => (left -= share) < 0) ?? all[0]!;
}

/** One of 20 peers outside. */
export const outside = (_pod: number, random: () => number): Destination => ({
  share: 0,
  protocol: 6,
  peer: 0xcb007200 | Math.floor(random() * 20),
  port: 443,
  masqueraded: true,
});

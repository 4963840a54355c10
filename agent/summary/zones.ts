/** What is left of a word of a group's key beside its NAT address. */
export const ZONE_BITS = 12;
const LAST = 2 ** ZONE_BITS - 1;

/**
 * Small numbers for the conntrack zones that were met. There can be 65,536; those after the first 4,095 share one number
 * and go under the zone that had it first, which no network we know of comes near.
 */
export class Zones {
  private readonly numbers = new Map<number, number>([[0, 0]]);
  private readonly zones = [0];

  number(zone: number): number {
    if (zone === 0) return 0;
    const known = this.numbers.get(zone);
    if (known !== undefined) return known;
    if (this.zones.length > LAST) return LAST;
    this.numbers.set(zone, this.zones.length);
    return this.zones.push(zone) - 1;
  }

  zone(number: number): number {
    return this.zones[number] ?? 0;
  }
}

const TABLE = 1 << 14;
/** Normal deviates by equal shares of the distribution: a draw is then one look. Made once a process, from nothing that varies. */
const NORMAL = Float64Array.from({ length: TABLE }, (_, at) => inverseNormal((at + 0.5) / TABLE));

/** Draws of one stream, a few nanoseconds each (mulberry32). What one node draws does not move what another draws. */
export class Noise {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  private bits(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    const { state } = this;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return mixed ^ (mixed >>> 14);
  }

  /** From [0, 1). */
  uniform = (): number => (this.bits() >>> 0) / 2 ** 32;

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A whole number from low to high, both among them. */
  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  normal(): number {
    return NORMAL[this.bits() >>> 18]!;
  }

  /** How many of what happens `mean` times; wider than Poisson by `spread`, as arrivals of real clients are. */
  count(mean: number, spread = 1.3): number {
    if (mean <= 0) return 0;
    if (mean < 8) return this.few(mean);
    const drawn = Math.round(mean + Math.sqrt(mean) * spread * this.normal());
    return drawn > 0 ? drawn : 0;
  }

  private few(mean: number): number {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count += 1;
    return count;
  }

  pick<Of>(of: readonly Of[]): Of {
    return of[Math.floor(this.uniform() * of.length)]!;
  }
}

/** Quantile of the normal distribution (Acklam's rational approximation, relative error below 1.2e-9). */
function inverseNormal(p: number): number {
  if (p > 0.5) return -inverseNormal(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return (
      polynomial(
        q,
        [
          -7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734,
          4.374664141464968, 2.938163982698783,
        ],
      ) / polynomial(q, [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1])
    );
  }
  const q = p - 0.5;
  const r = q * q;
  return (
    (q *
      polynomial(
        r,
        [
          -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
          2.506628277459239,
        ],
      )) /
    polynomial(
      r,
      [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
    )
  );
}

function polynomial(x: number, by: readonly number[]): number {
  return by.reduce((sum, next) => sum * x + next, 0);
}

/** Chance of `least` or more out of `tries`, each with that chance; `chance` in (0, 1). Summed from the first term on, in logarithms. */
export function binomialTail(tries: number, least: number, chance: number): number {
  if (least <= 0) return 1;
  if (least > tries) return 0;
  let logTerm = least * Math.log(chance) + (tries - least) * Math.log1p(-chance);
  for (let i = 1; i <= least; i += 1) logTerm += Math.log((tries - least + i) / i);
  let term = Math.exp(logTerm);
  let sum = 0;
  for (let hits = least; hits <= tries && term > 0; hits += 1) {
    sum += term;
    term *= ((tries - hits) / (hits + 1)) * (chance / (1 - chance));
  }
  return Math.min(sum, 1);
}

/** Asks one after another, so that what one reads is in memory and not what all do. */
export async function inTurn<T, U>(all: readonly T[], ask: (one: T, at: number) => Promise<U>): Promise<U[]> {
  const answers: U[] = [];
  for (const [at, one] of all.entries()) answers.push(await ask(one, at));
  return answers;
}

/** Lets everything that waits have its turn: called between parts of long work that waits for nothing. */
export const othersFirst = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

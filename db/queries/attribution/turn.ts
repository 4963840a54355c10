/** Lets everything that waits have its turn: called between parts of long work. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

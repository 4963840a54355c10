/** Lets everything that waits have its turn: called between parts of long work. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Counts work, and lets others have their turn whenever so much was done. */
export class Turns {
  readonly #work: number;
  #done = 0;

  constructor(work: number) {
    this.#work = work;
  }

  async worked(work: number): Promise<void> {
    this.#done += work;
    if (this.#done <= this.#work) return;
    this.#done = 0;
    await nextTurn();
  }
}

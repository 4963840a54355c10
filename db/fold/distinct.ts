const FIRST_ROOM = 64;

/** Numbers distinct small integers as they come, again and again without clearing anything. */
export class Distinct {
  #round = 0;
  #rounds = new Int32Array(FIRST_ROOM);
  #positions = new Int32Array(FIRST_ROOM);
  #values: number[] = [];

  /** Forgets all. */
  begin(): void {
    this.#round++;
    this.#values = [];
  }

  /** What has a number, in order. */
  get values(): readonly number[] {
    return this.#values;
  }

  numbers(values: Int32Array): Int32Array {
    const numbers = new Int32Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? 0;
      if (value >= this.#rounds.length) this.#grow(value);
      if (this.#rounds[value] !== this.#round) {
        this.#rounds[value] = this.#round;
        this.#positions[value] = this.#values.push(value) - 1;
      }
      numbers[i] = this.#positions[value] ?? 0;
    }
    return numbers;
  }

  #grow(value: number): void {
    const room = 2 ** Math.ceil(Math.log2(value + 1));
    const [rounds, positions] = [new Int32Array(room), new Int32Array(room)];
    rounds.set(this.#rounds);
    positions.set(this.#positions);
    this.#rounds = rounds;
    this.#positions = positions;
  }
}

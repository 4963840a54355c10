/** Rung by anybody, heard by one: any number of rings until it is listened for is one. */
export class Bell {
  #isRung = false;
  #waiting: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#waiting?.();
  }

  /** Whether it was rung since it was last asked. */
  heard(): boolean {
    const was = this.#isRung;
    this.#isRung = false;
    return was;
  }

  /** Resolves once it is rung, at once where it was. */
  async rings(): Promise<void> {
    if (this.#isRung) return;
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
    });
  }
}

const WIDTH = 40;
const STEP = 0.1;

/** Shows which part is done: a bar on a terminal, else a line for each tenth. */
export function progressBar(out: {
  isTTY?: boolean | undefined;
  write: (text: string) => unknown;
}): (part: number) => void {
  let told = 0;
  return (part) => {
    const percent = `${Math.floor(100 * part)}%`;
    if (out.isTTY) {
      const done = Math.floor(WIDTH * part);
      out.write(`\r[${"#".repeat(done)}${".".repeat(WIDTH - done)}] ${percent}${part >= 1 ? "\n" : ""}`);
      return;
    }
    if (part < told + STEP && part < 1) return;
    told = part;
    out.write(`${percent} of the history is made\n`);
  };
}

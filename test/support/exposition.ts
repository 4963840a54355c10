/** A sample of the text exposition format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const HEADER = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\n]+)\n# TYPE ([^\n ]+) gauge\n/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^\n]*)\} (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\n/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;

/**
 * Reads Prometheus text, format 0.0.4, as strictly as its definition: every family has its HELP and TYPE line once, and its
 * samples, at least one, stand behind them; no series comes twice. Throws where anything differs.
 */
export function readExposition(text: string): { samples: Sample[]; helps: Map<string, string> } {
  const samples: Sample[] = [];
  const helps = new Map<string, string>();
  let left = text;
  while (left !== "") {
    const [header, name = "", help = "", typed] = taken(HEADER, left);
    if (helps.has(name) || typed !== name) throw new Error(`a family twice, or another's type: ${header}`);
    helps.set(name, help);
    left = left.slice(header.length);
    do {
      const [line, of = "", labels = "", value] = taken(SAMPLE, left);
      if (of !== name) throw new Error(`outside its family: ${line}`);
      samples.push({ name, labels: labelsIn(labels), value: Number(value) });
      left = left.slice(line.length);
    } while (left !== "" && !left.startsWith("# "));
  }
  const series = new Set(samples.map(({ name, labels }) => JSON.stringify([name, labels])));
  if (series.size !== samples.length) throw new Error("a series twice");
  return { samples, helps };
}

function taken(pattern: RegExp, text: string): RegExpExecArray {
  const found = pattern.exec(text);
  if (!found) throw new Error(`not as it must be: ${text.slice(0, 200)}`);
  return found;
}

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let left = text;
  while (left !== "") {
    const [pair, name = "", value = "", comma] = taken(LABEL, left);
    left = left.slice(pair.length);
    if (name in labels || (comma === "," && left === ""))
      throw new Error(`a label twice or a comma more: ${text}`);
    labels[name] = value.replaceAll(/\\(["\\n])/g, (_, one: string) => (one === "n" ? "\n" : one));
  }
  return labels;
}

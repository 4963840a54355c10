/** A metric, and of each of its series the labels and the value. */
export interface Family {
  name: string;
  help: string;
  samples: readonly { labels: Readonly<Record<string, string>>; value: number }[];
}

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Prometheus text, format 0.0.4; all are gauges. A family without samples is left out. */
export function exposition(families: Iterable<Family>): string {
  let text = "";
  for (const { name, help, samples } of families) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} gauge\n`;
    for (const { labels, value } of samples) text += `${name}{${labelled(labels)}} ${value}\n`;
  }
  return text;
}

const labelled = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escapedValue(value)}"`)
    .join(",");

const ESCAPED: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", '"': '\\"' };
const escapedValue = (text: string) => text.replaceAll(/[\\\n"]/g, (found) => ESCAPED[found] ?? found);
const escapedHelp = (text: string) => text.replaceAll(/[\\\n]/g, (found) => ESCAPED[found] ?? found);

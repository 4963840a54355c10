import type { Figure } from "./figure.ts";
import { fillTable } from "./filled-table.ts";
import type { Received } from "./receiver.ts";
import { builtAgent, type RunningAgent, startAgent } from "./running-agent.ts";

const ENTRIES = 262_144;
const MANY_ENTRIES = 1_000_000;
/** A node on which nothing happens. */
const QUIET_ENTRIES = 20;
/** After these an agent has all its memory: a keyframe has gone out in part or whole, and Node has compiled what is hot. */
const SETTLING_REPORTS = 6;
const MINUTE_REPORTS = 12;
/** Windows of half a minute. */
const IDLE_REPORTS = 2;
const HOUR_MS = 3_600_000;

/**
 * What the built agent takes while it runs as it is deployed: events listened to, leases kept, every entry a lease, all at
 * its defaults but for windows of 5 s, in which a minute holds many of them.
 */
export async function benchAgent(): Promise<Figure[]> {
  using built = await builtAgent();
  return [
    ...(await memory(built.path, { entries: 0 })),
    ...(await memory(built.path, { entries: ENTRIES, bar: "≤ 90" })),
    ...(await memory(built.path, { entries: ENTRIES, budget: "100%", bar: "≤ 90" })),
    ...(await memory(built.path, { entries: MANY_ENTRIES, bar: "≤ 120" })),
    ...(await budget(built.path)),
    ...(await idle(built.path)),
  ];
}

interface Case {
  entries: number;
  /** A table that is read in each window whatever it costs, where this is 100%. */
  budget?: string;
  bar?: string;
}

async function memory(path: string, { entries, budget, bar }: Case): Promise<Figure[]> {
  using table = fillTable(entries);
  const env = { CONNTRAIL_INTERVAL: "5s", ...(budget && { CONNTRAIL_CPU_BUDGET: budget }) };
  const agent = await startAgent(path, table.namespace, env);
  try {
    await reports(agent, SETTLING_REPORTS);
    const { rssMb, peakMb } = agent.memory();
    const name = `agent, ${entries.toLocaleString("en-US")} entries${budget ? ", read in each window" : ""}`;
    return [
      {
        name: `${name}, resident after ${SETTLING_REPORTS} reports`,
        value: rssMb,
        unit: "MB",
        ...(bar && { bar }),
      },
      { name: `${name}, resident at most`, value: peakMb, unit: "MB" },
    ];
  } finally {
    await agent.end();
  }
}

/** What a minute takes of a core, and how much of it dumps are: what is more than in a minute of an empty table. */
async function budget(path: string): Promise<Figure[]> {
  using table = fillTable(ENTRIES);
  const agent = await startAgent(path, table.namespace, { CONNTRAIL_INTERVAL: "5s" });
  try {
    await reports(agent, SETTLING_REPORTS);
    const { received, ms, cpuMs } = await measured(agent, MINUTE_REPORTS);
    const dumps = received.filter(({ dumpAt }, at) => at > 0 && dumpAt !== received[at - 1]?.dumpAt);
    const dumping = dumps.reduce((sum, { selfCpuMs }) => sum + (selfCpuMs ?? 0), 0);
    const others = received
      .filter((report) => !dumps.includes(report))
      .map(({ selfCpuMs }) => selfCpuMs ?? 0);
    const usual = others.reduce((sum, cpuMs) => sum + cpuMs, 0) / Math.max(1, others.length);
    const name = `agent, ${ENTRIES.toLocaleString("en-US")} entries, budget of 2 %`;
    return [
      { name: `${name}, dumps a minute`, value: (dumps.length / ms) * 60_000, unit: "dumps" },
      {
        name: `${name}, dumps of one core`,
        value: ((dumping - dumps.length * usual) / ms) * 100,
        unit: "%",
        bar: "≤ 2",
      },
      { name: `${name}, all it does, of one core`, value: (cpuMs / ms) * 100, unit: "%" },
    ];
  } finally {
    await agent.end();
  }
}

/** CPU between the arrival of two reports, scaled to an hour. */
async function idle(path: string): Promise<Figure[]> {
  using table = fillTable(QUIET_ENTRIES);
  const figures: Figure[] = [];
  for (const [interval, settling, count] of [
    ["5s", SETTLING_REPORTS, MINUTE_REPORTS],
    ["30s", 2, IDLE_REPORTS],
  ] as const) {
    const agent = await startAgent(path, table.namespace, { CONNTRAIL_INTERVAL: interval });
    try {
      await reports(agent, settling);
      const { ms, cpuMs } = await measured(agent, count);
      const name = `agent on a quiet node, windows of ${interval}`;
      figures.push(
        { name: `${name}, CPU of an hour`, value: (cpuMs / 1000) * (HOUR_MS / ms), unit: "s" },
        { name: `${name}, resident`, value: agent.memory().rssMb, unit: "MB" },
      );
    } finally {
      await agent.end();
    }
  }
  return figures;
}

/** What some reports that follow each other bring, the last one before them among these, and what they take. */
async function measured(agent: RunningAgent, count: number) {
  const started = performance.now();
  const before = agent.cpuMs();
  const received = await reports(agent, count);
  return { received, ms: performance.now() - started, cpuMs: agent.cpuMs() - before };
}

async function reports(agent: RunningAgent, count: number): Promise<Received[]> {
  const received: Received[] = [];
  while (received.length < count) received.push(await agent.next());
  return received;
}

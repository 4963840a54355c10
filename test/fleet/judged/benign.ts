import { seedOf } from "../random.ts";
import { Noise } from "./noise.ts";
import { emptyScript, type Script } from "./script.ts";
import { PODS, podsOf, type Traits, WORKLOADS } from "./traits.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Each node and day. */
const BURSTS = 1.5;
const REBOOTS = 1 / 30;
const RESTARTS = 1 / 15;
const DEPLOYS = 0.6;
const SHIFTS = 1 / 15;

/** What happens on a node although nothing is wrong. */
export function benignScript(
  seed: number,
  traits: Traits,
  { from, to }: { from: number; to: number },
): Script {
  const script = emptyScript();
  const noise = new Noise(seedOf(seed, "benign", traits.node));
  const cron =
    noise.uniform() < 0.3 ? { minute: noise.whole(0, 59), pod: noise.whole(1, PODS - 1) } : undefined;
  const batch =
    noise.uniform() < 0.4
      ? { minute: noise.whole(0, 5 * 60), workload: noise.whole(0, WORKLOADS.length - 1) }
      : undefined;
  for (let day = Math.max(from, traits.joinsAt - (traits.joinsAt % DAY_MS)); day < to; day += DAY_MS) {
    for (let left = noise.count(BURSTS, 1); left > 0; left -= 1) burst(script, noise, within(day, noise));
    if (noise.uniform() < REBOOTS) silence(script, noise, { day, reboot: true });
    if (noise.uniform() < RESTARTS) silence(script, noise, { day, reboot: false });
    for (let left = noise.count(DEPLOYS, 1); left > 0; left -= 1)
      script.deploys.push({ at: within(day, noise), workload: noise.whole(0, WORKLOADS.length - 1) });
    if (noise.uniform() < SHIFTS)
      script.shifts.push({ at: within(day, noise), times: noise.between(0.7, 1.45) });
    if (cron) every(script, noise, { day, ...cron });
    if (batch) nightly(script, noise, { day, ...batch });
  }
  return script;
}

const within = (day: number, noise: Noise): number => day + Math.floor(noise.uniform() * DAY_MS);

const OUTWARD = { form: "tcp", meanS: 5, snat: true, port: 443 } as const;

/** Half of them are of all Pods, some of one workload, and some of one Pod that is then much busier than usual. */
function burst(script: Script, noise: Noise, at: number): void {
  const to = at + noise.whole(3, 15) * MINUTE_MS;
  const times = noise.between(2, 4);
  const kind = noise.uniform();
  if (kind < 0.5) script.lifts.push({ from: at, to, times });
  else if (kind < 0.7)
    script.activities.push({
      ...OUTWARD,
      from: at,
      to,
      times: times - 1,
      peers: [20, 21, 22, 23],
      pods: podsOf(noise.whole(0, WORKLOADS.length - 1)),
    });
  else
    script.activities.push({
      ...OUTWARD,
      from: at,
      to,
      times: noise.between(0.15, 0.5),
      peers: [24, 25],
      pods: [noise.whole(0, PODS - 1)],
    });
}

/** Rebooted within some minutes, or an agent that is updated. */
function silence(script: Script, noise: Noise, { day, reboot }: { day: number; reboot: boolean }): void {
  const from = Math.floor(within(day, noise) / MINUTE_MS) * MINUTE_MS;
  script.silences.push({ from, to: from + noise.whole(1, reboot ? 2 : 1) * MINUTE_MS, reboot });
}

function every(
  script: Script,
  noise: Noise,
  { day, minute, pod }: { day: number; minute: number; pod: number },
): void {
  for (let hour = 0; hour < 24; hour += 1) {
    const from = day + hour * HOUR_MS + minute * MINUTE_MS;
    const to = from + noise.whole(2, 5) * MINUTE_MS;
    script.activities.push({
      ...OUTWARD,
      from,
      to,
      times: noise.between(0.1, 0.4),
      pods: [pod],
      peers: [30],
    });
  }
}

function nightly(
  script: Script,
  noise: Noise,
  { day, minute, workload }: { day: number; minute: number; workload: number },
): void {
  const from = day + minute * MINUTE_MS + noise.whole(0, 10) * MINUTE_MS;
  const to = from + noise.whole(40, 100) * MINUTE_MS;
  script.activities.push({
    ...OUTWARD,
    from,
    to,
    times: noise.between(0.5, 1.5),
    pods: podsOf(workload),
    peers: [31, 32, 33],
    rampMs: 5 * MINUTE_MS,
  });
}

/** What a node was about that is not wrong, at that time or a little before: for those who ask why a rule was. */
export function benignAt(script: Script, at: number): string {
  const isOn = ({ from, to }: { from: number; to: number }) => at > from && at <= to + LATELY_MS;
  const lately = (time: number) => at > time && at <= time + HOUR_MS;
  const found = [
    ...script.activities.filter((of) => isOn(of) && of.times !== undefined).map(nameOf),
    ...script.lifts.filter(isOn).map(() => "burst of all Pods"),
    ...script.silences.filter(isOn).map(({ reboot }) => (reboot ? "reboot" : "restarted agent")),
    ...script.deploys.filter((of) => lately(of.at)).map(() => "deploy"),
    ...script.shifts.filter((of) => lately(of.at)).map(() => "level shift"),
  ];
  return [...new Set(found)].join(" + ") || "nothing";
}

const LATELY_MS = 10 * MINUTE_MS;

function nameOf({ pods, rampMs, peers }: Script["activities"][number]): string {
  if (rampMs !== undefined) return "nightly batch";
  if (peers[0] === 30) return "cron";
  return pods.length > 1 ? "burst of a workload" : "burst of a Pod";
}

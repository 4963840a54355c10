import { describe, expect, it } from "vitest";
import { MAX_LIVES_A_NODE, MAX_NEW_A_WINDOW } from "../../../api/alerts/admission.ts";
import { judgeWindow } from "../../../api/alerts/engine.ts";
import type { Live } from "../../../api/alerts/engine.ts";
import { inForce } from "../../../api/alerts/in-force.ts";
import type { Judged, NodeRule } from "../../../api/detect/rule.ts";
import { keep, lookAt, owners, quiet, UNSET } from "./tiny-rules.ts";

const T = 1_700_000_000_000;

describe("too many subjects", () => {
  const look = (count: number, entries = (i: number) => i, names = "pod") => ({
    ...lookAt(quiet({ from: T, snat: 1 })),
    flows: {
      takenAt: T,
      entries: 1,
      unreplied: 0,
      error: 0,
      flows: [],
      parties: Array.from({ length: count }, (_, i) => ({
        party: { kind: "pod", name: `${names}-${i}`, address: "10.0.0.1" },
        entries: entries(i),
        snatEntries: 0,
        unreplied: 0,
        peers: 1,
      })),
    },
  });
  const rules = inForce([owners], UNSET);

  it("are one that stands for those that are not the worst", () => {
    const all = judgeWindow(look(MAX_NEW_A_WINDOW), rules, []);
    expect(all.map(({ subject }) => subject.key)).not.toContain("__other__/node-1");
    expect(all).toHaveLength(MAX_NEW_A_WINDOW);
    const more = judgeWindow(
      look(MAX_NEW_A_WINDOW + 3, (i) => (i === 0 ? 5000 : i)),
      rules,
      [],
    );
    expect(more).toHaveLength(MAX_NEW_A_WINDOW + 1);
    expect(more.map(({ subject }) => subject.key)).toContain("pod-0");
    expect(more.map(({ subject }) => subject.key)).not.toContain("pod-3");
    expect(more.at(-1)).toMatchObject({
      subject: { kind: "node", key: "__other__/node-1", node: "node-1" },
      transition: "opened",
      finding: { severity: "warning", value: 3, facts: { subjects: 3 } },
    });
  });

  it("stay bounded while names change with each window, and what is known is judged all the same", () => {
    let lives: Live[] = [];
    for (let i = 0; i < 10; i++)
      lives = keep(lives, judgeWindow(look(2000, undefined, `wave-${i}`), rules, lives));
    expect(lives).toHaveLength(MAX_LIVES_A_NODE);
    const known = judgeWindow(look(2000, undefined, "wave-0"), rules, lives);
    expect(known.filter(({ finding }) => finding.verdict === "bad")).toHaveLength(MAX_NEW_A_WINDOW + 1);
    const none = judgeWindow(look(0), rules, lives);
    expect(none.every(({ finding }) => finding.verdict === "clear")).toBe(true);
    expect(none).toHaveLength(MAX_LIVES_A_NODE);
  });

  it("are let in by severity first, whatever their values", () => {
    const mixed: NodeRule = {
      ...owners,
      judge: () =>
        Array.from({ length: MAX_NEW_A_WINDOW + 1 }, (_, i): Judged => ({
          subject: { kind: "party", key: `${i}` },
          finding: {
            verdict: "bad",
            severity: i === 7 ? "critical" : "warning",
            value: i === 7 ? 0 : i + 10,
          },
        })),
    };
    const keys = judgeWindow(look(1), inForce([mixed], UNSET), []).map(({ subject }) => subject.key);
    expect(keys[0]).toBe("7");
    expect(keys).not.toContain("0");
  });

  it("are only those that are bad", () => {
    const well = Array.from({ length: MAX_NEW_A_WINDOW + 1 }, (_, i): Judged => ({
      subject: { kind: "party", key: `${i}` },
      finding: { verdict: "between", value: i },
    }));
    const bad: Judged = {
      subject: { kind: "party", key: "bad" },
      finding: { verdict: "bad", severity: "warning", value: 0 },
    };
    const mostlyWell: NodeRule = { ...owners, judge: () => [...well, bad] };
    expect(judgeWindow(look(1), inForce([mostlyWell], UNSET), []).map(({ subject }) => subject.key)).toEqual([
      "bad",
    ]);
  });

  it("stay bounded where there is no room at all, not even for who stands for them", () => {
    let lives: Live[] = [];
    const wave = (i: number, count: number) => {
      lives = keep(lives, judgeWindow(look(count, undefined, `wave-${i}`), rules, lives));
    };
    for (let i = 0; i < MAX_LIVES_A_NODE / MAX_NEW_A_WINDOW; i++) wave(i, MAX_NEW_A_WINDOW);
    expect(lives).toHaveLength(MAX_LIVES_A_NODE);
    wave(8, 10);
    wave(9, 10);
    expect(lives).toHaveLength(MAX_LIVES_A_NODE + 1);
  });

  it("are not told to rules, which know nothing of who stands for others", () => {
    const told: string[][] = [];
    const spy: NodeRule = {
      ...owners,
      judge: (_look, _thresholds, known) => {
        told.push(known.map(({ key }) => key));
        return [];
      },
    };
    const lives = ["a", "__other__/node-1"].map((key): Live => ({
      rule: "owners",
      subject: { kind: "node", key },
      life: { phase: "open", severity: "warning", opens: [T] },
    }));
    judgeWindow(look(0), inForce([spy], UNSET), lives);
    expect(told).toEqual([["a"]]);
  });

  it("count once where a rule names them twice: the worse finding", () => {
    const finding = (value: number, severity: "warning" | "critical"): Judged => ({
      subject: { kind: "party", key: "k".repeat(600) },
      finding: { verdict: "bad", severity, value },
    });
    const twice: NodeRule = {
      ...owners,
      judge: () => [
        finding(9, "warning"),
        finding(2, "critical"),
        finding(3, "warning"),
        finding(1, "critical"),
      ],
    };
    const changes = judgeWindow(look(1), inForce([twice], UNSET), []);
    expect(changes).toMatchObject([
      { severity: "critical", finding: { value: 2 }, subject: { key: "k".repeat(512) } },
    ]);
  });
});

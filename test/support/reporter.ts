import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Names every skipped test with its reason and closes with one line a machine can read. */
export default class Closing implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length;
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    for (const test of tests.filter((test) => test.result().state === "skipped")) console.log(skipLine(test));
    console.log(`${count("passed")} passed, ${count("failed") + broken} failed, ${count("skipped")} skipped`);
  }
}

function skipLine(test: TestCase): string {
  const result = test.result();
  const reason = (result.state === "skipped" && result.note) || "no reason given";
  return `skipped: ${test.project.name} › ${test.fullName}: ${reason}`;
}

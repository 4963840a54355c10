import { expect, test } from "vitest";
import { unknownVariables } from "../../../agent/variables.ts";
import { forAgent } from "../../../api/node/agent-environment.ts";
import { HELP } from "../../../api/node/help.ts";

test("the agent of this machine gets nothing that is the service's, and all else", () => {
  const documented = HELP.split("With --with-agent,")[0]?.match(/CONNTRAIL_[A-Z_]+/g) ?? [];
  expect(documented).toContain("CONNTRAIL_WEBHOOK_HOSTS");
  const others = { PATH: "/bin", CONNTRAIL_NODE: "a", CONNTRAIL_KEPT: "misspelt" };
  const env = forAgent({ ...Object.fromEntries(documented.map((name) => [name, "x"])), ...others });
  expect(env).toEqual(others);
  expect(unknownVariables(env)).toEqual(["CONNTRAIL_KEPT"]);
});

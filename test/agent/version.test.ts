import { test } from "vitest";
import { nodeComplaint } from "../../agent/version.ts";

test.for(["v20.20.2", "v22.17.1", "v22.9.0", "v9.99.0"])(
  "Node %s is too old, and is named",
  (version, { expect }) => {
    expect(nodeComplaint(version)).toMatch(new RegExp(`needs Node 22.18 or newer, this is ${version}$`));
  },
);

test.for(["v22.18.0", "v22.20.1", "v23.0.0", "v24.1.0-nightly", "v100.0.0"])(
  "Node %s will do",
  (version, { expect }) => {
    expect(nodeComplaint(version)).toBeUndefined();
  },
);

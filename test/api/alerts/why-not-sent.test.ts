import { expect, test } from "vitest";
import { whyNotSent } from "../../../api/alerts/send.ts";

test("where no TLS is spoken that is said, and elsewhere not", () => {
  expect(whyNotSent({ code: "EPROTO" })).toContain("(EPROTO) (no TLS there?");
  expect(whyNotSent({ code: "ECONNREFUSED" })).toBe("the connection failed (ECONNREFUSED)");
});

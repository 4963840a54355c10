import { test } from "vitest";
import type { AlertedAnomaly } from "../../../api/alerts/alert.ts";
import { plain } from "../../../api/alerts/text/lines.ts";
import { messageOf } from "../../../api/alerts/text/message.ts";
import { anAlert, anAnomaly } from "../../support/alerts.ts";
import { AT } from "../../support/looks.ts";

const NOW = AT + 12 * 60_000;
const resolved = anAnomaly({ state: "resolved", resolvedAt: NOW - 60_000, transition: "resolved" });
const silent = { ...resolved, ended: "silent" } as const;

function told(
  anomalies: readonly AlertedAnomaly[],
  language: "en" | "zh" = "en",
  counts = { opened: 0, resolved: 2, open: 0 },
): string {
  return plain(messageOf(anAlert({ kind: "resolved", anomalies, counts }), language, NOW));
}

test("an end that no window says is not called well, and says why", ({ expect }) => {
  const text = told([silent, { ...silent, ended: "retired" }]);
  expect(text).toContain("[Conntrail] No longer watched: ");
  expect(text).toContain("This is told no more, but nothing says that all is well.");
  expect(text).toContain("- Ended: not known to be well: the node has sent no reports for a day");
  expect(text).toContain("- Ended: not known to be well: the node was retired");
  expect(text).not.toContain("Nothing of this");
  expect(text).not.toContain("Resolved");
  const over = told([silent], "en", { opened: 1, resolved: 1, open: 0 });
  expect(over).toContain("[Conntrail] No longer watched: ");
  expect(over).not.toContain("Nothing is left to do");
});

test("among others that are well, it is told of those it is true of", ({ expect }) => {
  const some = told([resolved, { ...silent, ended: "disabled" }]);
  expect(some).toContain("[Conntrail] Resolved: ");
  expect(some).toContain("but nothing says that all is well.");
  expect(some.match(/- Ended: /g)).toHaveLength(1);
  expect(some).toContain("- Ended: not known to be well: the rule was switched off");
});

test("the same in Chinese", ({ expect }) => {
  const text = told([silent], "zh");
  expect(text).toContain("[Conntrail] 不再跟踪：");
  expect(text).toContain("不再通知，但无法确认已恢复。");
  expect(text).toContain("- 结束原因：是否恢复未知：该节点已有一天没有上报");
});

import { test } from "vitest";
import { plain } from "../../../api/alerts/text/lines.ts";
import { messageOf } from "../../../api/alerts/text/message.ts";
import { anAlert, anAnomaly } from "../../support/alerts.ts";
import { AT } from "../../support/looks.ts";

const linesOf = (count: number) => Array.from({ length: count }, (_, at) => `Line ${at + 1}`).join("\n");
const notice = (body: string, title = "Word") =>
  messageOf(anAlert({ kind: "notice", anomalies: [], text: { title, body } }), "en", AT);

test("a notice has six paragraphs; more are left out", ({ expect }) => {
  expect(notice(linesOf(6)).paragraphs.at(-1)).toEqual(["Line 6"]);
  expect(notice(linesOf(7)).paragraphs).toHaveLength(6);
});

test("a paragraph of 600 characters is whole, one more is cut", ({ expect }) => {
  expect(notice("x".repeat(600)).paragraphs).toEqual([["x".repeat(600)]]);
  expect(notice("x".repeat(601)).paragraphs).toEqual([[`${"x".repeat(599)}…`]]);
  expect(notice("x", "y".repeat(601)).title).toEqual([`[Conntrail] ${"y".repeat(599)}…`]);
});

test("six facts are told, and no seventh", ({ expect }) => {
  const factsOf = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`fact${at + 1}`, at + 100]));
  const told = (count: number) => {
    const anomaly = anAnomaly({ finding: { value: 1, facts: factsOf(count) } });
    return plain(messageOf(anAlert({ anomalies: [anomaly] }), "en", AT));
  };
  expect(told(6)).toContain("- fact6: 105");
  expect(told(7)).not.toContain("fact7");
});

test("five anomalies are told in detail, and no sixth", ({ expect }) => {
  const sections = (count: number) =>
    messageOf(anAlert({ anomalies: Array.from({ length: count }, () => anAnomaly()) }), "en", AT).sections;
  expect(sections(5)).toHaveLength(5);
  expect(sections(6)).toHaveLength(5);
});

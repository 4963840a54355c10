import * as fc from "fast-check";
import { describe, test } from "vitest";
import { type Alert, type Language, LANGUAGES, PREFIX } from "../../../../api/alerts/alert.ts";
import type { Rendering } from "../../../../api/alerts/provider.ts";
import type { Party } from "../../../../db/look.ts";
import { anAlert, anAnomaly } from "../../../support/alerts.ts";
import { askedBy, type Kind, KINDS } from "../../../support/chat/kinds.ts";
import type { Read } from "../../../support/chat/read.ts";
import { AT } from "../../../support/looks.ts";

const NOW = AT + 600_000;
const URL_OF_ALERT = "https://conntrail.example.com/v1/anomalies?cluster=a%26b_%28c%29*d_&rule=pod-flood";

/** What a chat takes of an alert, or throws why it does not. */
async function read(kind: Kind, alert: Alert, some: Partial<Rendering> = {}): Promise<Read> {
  const rendering: Rendering = {
    target: kind.target("https://chat.test"),
    language: "en",
    now: NOW,
    deliveryId: "11111111-2222-4333-8444-555555555555",
    ...some,
  };
  const outgoing = await kind.provider.render({ ...alert, url: URL_OF_ALERT }, rendering);
  const verdict = kind.verdict()(askedBy(outgoing), 0);
  if ("why" in verdict) throw new Error(`refused: ${verdict.why}\n${outgoing.body.slice(0, 2_000)}`);
  return verdict.accepted;
}

const party = (name: string): Party => ({
  kind: "pod",
  namespace: name,
  name,
  workloadKind: name,
  workload: `${name}-workload`,
  address: "10.0.1.7",
});

/** An alert in which everything that others name is named so. */
const named = (name: string, some: Partial<Alert> = {}): Alert =>
  anAlert({
    cluster: name,
    anomalies: [
      anAnomaly({
        subject: { kind: "party", key: name, node: name, party: party(name) },
        finding: {
          value: 9,
          contributors: [
            { party: party(`${name}1`), value: 5, peer: name, peerPort: 1 },
            { party: party(`${name}2`), value: 4 },
          ],
          facts: { peer: name, reason: name, natAddress: name },
        },
        // An empty name is left out.
        acknowledgedBy: name === "" ? "?" : name,
        acknowledgedNote: name === "" ? "?" : name,
      }),
    ],
    ...some,
  });

const HOSTILE = [
  "<!channel>",
  "<!everyone|x>",
  "<@U0123>",
  "<#C01>",
  "@everyone",
  "@here",
  "@all",
  "<@&1>",
  "<t:1>",
  '<at user_id="all">all</at>',
  "<at>all</at>",
  "<users/all>",
  "[x](http://evil.example)",
  "![x](http://evil.example)",
  "<http://evil.example|x>",
  "https://evil.example/login",
  "<a href='http://evil.example'>x</a>",
  "</code><b>x",
  "&lt;!channel&gt;",
  "`x` `",
  "```",
  "**x**",
  "__x__ ~~x~~ ||x||",
  "*x* _x_",
  "# x",
  "> x",
  "- x",
  "{{DATE(2017-02-14T06:00:00Z)}}",
  "a\nb\r\n# c",
  "a\u202Eb\u2066c\u200Bd\uFEFF",
  "\u0000\u001B[31m\u0007",
  "\uD800x\uDC00",
  "\\",
  "x\\",
  "\\`",
  "",
  "   ",
  "\u200B",
  "/start",
  "#tag",
  "~town-square",
  ":fire:",
  "$(reboot)",
  "’“«",
  "'\";--",
];
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}]/u;
/** Ours, between what would be a mention together; and line ends of ours. */
const withoutOurs = (text: string) => text.replaceAll(/[\u2060\n]/g, "");

const hostileName = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.array(fc.constantFrom(...HOSTILE), { maxLength: 3 }).map((names) => names.join("").slice(0, 60)),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...Array.from(`<>@!#&;\`*_~|[]()\\/:"'{}$-ax1 \n`)), maxLength: 24 }),
);

describe.for(KINDS)("$provider.kind", (kind) => {
  const { provider } = kind;

  test.for(
    LANGUAGES.flatMap((language) => ALERTS().map(([name, alert]) => [name, language, alert] as const)),
  )("takes a message: %s, %s", async ([, language, alert], { expect }) => {
    const { shown, mentions, links } = await read(kind, alert, { language });
    expect(shown.trimStart().startsWith(PREFIX), shown).toBe(true);
    expect(mentions).toEqual([]);
    expect(links).toEqual([URL_OF_ALERT]);
  });

  test("names what is wrong, where, and who does it", async ({ expect }) => {
    const { shown } = await read(kind, anAlert());
    for (const word of [
      "prod",
      "node-1",
      "shop/checkout-7c9d-x2lqp",
      "61,000",
      "203.0.113.99:443",
      "checkout",
    ])
      expect(shown).toContain(word);
  });

  test("obeys nothing in a name, however it is called", async ({ expect }) => {
    const marks = {
      en: (await read(kind, named("plain"))).marks,
      zh: (await read(kind, named("plain"), { language: "zh" })).marks,
    };
    await fc.assert(
      fc.asyncProperty(hostileName, fc.constantFrom<Language>("en", "zh"), async (name, language) => {
        const alert = named(name);
        const hostile = await read(kind, alert, { language });
        expect(hostile.mentions).toEqual([]);
        expect(hostile.links).toEqual([URL_OF_ALERT]);
        expect(hostile.marks).toEqual(marks[language]);
        expect(withoutOurs(hostile.shown)).not.toMatch(OBEYED);
      }),
      { numRuns: 60, examples: HOSTILE.map((name) => [name, "en"]) },
    );
  });

  test("obeys nothing in its own notices, which may hold names", async ({ expect }) => {
    for (const name of HOSTILE) {
      const text = { title: `Channel ${name} was switched off`, body: `Because of ${name}\n${name}` };
      const { mentions, links } = await read(kind, anAlert({ kind: "notice", anomalies: [], text }));
      expect(mentions, name).toEqual([]);
      expect(links, name).toEqual([URL_OF_ALERT]);
    }
  });

  test.for(["&", "\\", "流", "😀", "{{", "\u202E"])(
    "takes the longest message of names of 10,000 %j, and keeps the link",
    async (letter, { expect }) => {
      const long = letter.repeat(10_000);
      const [anomaly] = named(long).anomalies;
      const alert = named(long, {
        anomalies: Array.from({ length: 30 }, () => anomaly!),
        counts: { opened: 30, resolved: 2, open: 30 },
      });
      for (const language of LANGUAGES) {
        const { shown, links } = await read(kind, alert, { language });
        expect(shown.trimStart().startsWith(PREFIX)).toBe(true);
        expect(links).toEqual([URL_OF_ALERT]);
      }
      const text = { title: long, body: `${long}\n${long}\n`.repeat(9) };
      const { links } = await read(kind, anAlert({ kind: "notice", anomalies: [], text }));
      expect(links).toEqual([URL_OF_ALERT]);
    },
  );

  test("says so where its address is not one of the provider", ({ expect }) => {
    const { target } = kind.provider;
    expect(target.safeParse(kind.target("https://chat.test")).success).toBe(true);
    for (const url of ["https://chat.test/", "https://chat.test/else", "nonsense", ""])
      expect(target.safeParse({ url }).success, url).toBe(false);
  });

  test("all it says of itself fits its contract", ({ expect }) => {
    expect(provider.perMinute).toBeGreaterThan(0);
    expect(provider.hosts.every((host) => /^\.?[a-z0-9.-]+$/.test(host))).toBe(true);
  });
});

/** One of each kind of message. */
function ALERTS(): [string, Alert][] {
  const resolved = anAnomaly({ state: "resolved", resolvedAt: NOW, transition: "resolved" });
  const many = Array.from({ length: 5 }, (_, at) =>
    anAnomaly({ id: at, rule: "silent-node", subject: { kind: "node", key: `n${at}`, node: `n${at}` } }),
  );
  return [
    ["firing", anAlert()],
    ["critical", anAlert({ severity: "critical", anomalies: [anAnomaly({ severity: "critical" })] })],
    ["worse", anAlert({ anomalies: [anAnomaly({ transition: "worsened" })] })],
    ["repeat", anAlert({ repeat: true })],
    [
      "resolved",
      anAlert({ kind: "resolved", anomalies: [resolved], counts: { opened: 0, resolved: 1, open: 0 } }),
    ],
    [
      "over",
      anAlert({ kind: "resolved", anomalies: [resolved], counts: { opened: 1, resolved: 1, open: 0 } }),
    ],
    ["partly", anAlert({ anomalies: [resolved], counts: { opened: 0, resolved: 1, open: 2 } })],
    [
      "fleet",
      anAlert({
        rule: "silent-node",
        anomalies: many,
        fleet: { affected: 37, nodes: 180 },
        counts: { opened: 37, resolved: 0, open: 37 },
      }),
    ],
    ["nothing in detail", anAlert({ anomalies: [] })],
    ["unknown rule", anAlert({ rule: "never-heard-of", anomalies: [anAnomaly({ rule: "never-heard-of" })] })],
    ["notice", anAlert({ kind: "notice", anomalies: [], text: { title: "Word", body: "One\nTwo" } })],
    ["test", anAlert({ kind: "test", anomalies: [], text: { title: "Trial", body: "It works." } })],
    ["test without a body", anAlert({ kind: "test", anomalies: [], text: { title: "Trial", body: "" } })],
  ];
}

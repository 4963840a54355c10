import type { Alert, Language } from "../alert.ts";
import { reasonInChinese } from "../text/reasons-zh.ts";

/** The words to one channel that another does not work. `reason` is ours, or the provider's cut short. */
export function noticeOf(
  broken: { name: string; disabled: boolean },
  reason: string,
  language: Language,
): Alert {
  const text = language === "zh" ? inChinese(broken, reason) : inEnglish(broken, reason);
  return {
    cluster: "",
    rule: "",
    kind: "notice",
    severity: "warning",
    episode: 0,
    anomalies: [],
    counts: { opened: 0, resolved: 0, open: 0 },
    repeat: false,
    text,
  };
}

const inEnglish = ({ name, disabled }: { name: string; disabled: boolean }, reason: string) => ({
  title: disabled ? `Channel ${name} was switched off` : `A message to channel ${name} was given up`,
  body: [
    `It cannot be delivered: ${reason}`,
    disabled
      ? "Nothing is sent there until its settings are mended and it is switched on again: PATCH /v1/channels/{id}."
      : "What failed stands under GET /v1/deliveries?state=dead and can be sent again.",
  ].join("\n"),
});

const inChinese = ({ name, disabled }: { name: string; disabled: boolean }, reason: string) => ({
  title: disabled ? `通知渠道 ${name} 已被停用` : `发往渠道 ${name} 的一条消息已放弃投递`,
  body: [
    `无法投递：${reasonInChinese(reason)}`,
    disabled
      ? "修正其配置并重新启用（PATCH /v1/channels/{id}）之前，不会再向该渠道发送任何消息。"
      : "失败的消息可用 GET /v1/deliveries?state=dead 查看，并可重新发送。",
  ].join("\n"),
});

/** The words of a trial. */
export function trialOf(name: string, language: Language): Alert {
  return {
    ...noticeOf({ name, disabled: false }, "", language),
    kind: "test",
    text:
      language === "zh"
        ? { title: `渠道 ${name} 的测试消息`, body: "如果您看到这条消息，该渠道工作正常。" }
        : { title: `Trial of channel ${name}`, body: "If you can read this, the channel works." },
  };
}

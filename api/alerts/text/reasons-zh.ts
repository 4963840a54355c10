/** What the service itself says of why a message was not taken; codes, statuses and hosts in it stay as they are. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^too many messages/, "消息过多"],
  [/^the provider is in trouble/, "服务商出现故障"],
  [/^the message was refused/, "消息被拒绝"],
  [/^the provider answered with code (?=-?\d+$)/, "服务商返回代码 "],
  [/^the token in the URL is not known: PATCH the channel/, "URL 中的令牌无效，请用 PATCH 更新该渠道"],
  [
    /^the signature does not fit: check the secret, and the clock of this service/,
    "签名不匹配，请检查密钥和本服务的时钟",
  ],
  [
    /^the address of this service is not in the bot's list of addresses/,
    "本服务的 IP 地址不在机器人的白名单中",
  ],
  [
    /^the (bot|robot) wants a keyword: add Conntrail to its keywords/,
    "机器人要求关键词，请将 Conntrail 加入其关键词",
  ],
  [/^the group of the robot is gone/, "机器人所在的群已不存在"],
  [/^the group became a supergroup with another number/, "该群已升级为超级群，编号已变更"],
  [
    /^Telegram knows no such chat: add the bot to it, and give its number as chatId/,
    "Telegram 找不到该会话，请将机器人加入其中，并用其编号作为 chatId",
  ],
  [
    /^Google Chat does not know this webhook: make a new one and PATCH the channel/,
    "Google Chat 不认识该 webhook，请新建并用 PATCH 更新该渠道",
  ],
  [
    /^Slack takes nothing through this webhook( \([\w.-]+\))?: make a new one and PATCH the channel/,
    "Slack 不再接受该 webhook$1，请新建并用 PATCH 更新该渠道",
  ],
  [
    /^the workflow does not run( \([\w.-]+\))?: turn it on, or PATCH the channel/,
    "工作流未运行$1，请将其启用，或用 PATCH 更新该渠道",
  ],
  [
    /^answered 200 with a text: let the workflow answer nothing, so that a failure can be told from success/,
    "应答 200 但带有文本，请让工作流不返回内容，以便区分成败",
  ],
  [
    /: the URL or token is no longer valid; make a new one and PATCH the channel$/,
    "：URL 或令牌已失效，请新建并用 PATCH 更新该渠道",
  ],
  [/: username or secret is wrong; PATCH the channel$/, "：用户名或密钥错误，请用 PATCH 更新该渠道"],
  [/ \(no TLS there\? use http with (CONNTRAIL_\w+=1)\)$/, "（对方不是 TLS？可用 http，并设置 $1）"],
  [/: redirects are not followed; give the final URL$/, "：不跟随重定向，请填写最终的 URL"],
  [
    / without the word that it was taken: something between may have answered$/,
    "，但没有确认已收下，可能是中间环节作出的应答",
  ],
  [/^no answer within (\d+) s$/, "$1 秒内没有应答"],
  [/^the connection failed/, "连接失败"],
  [/^the host's name cannot be resolved$/, "无法解析主机名"],
  [/^the host's name has no address$/, "该主机名没有地址"],
  [/^the host has an address that is not of the public internet$/, "该主机的地址不属于公网"],
  [/^the secret was sealed by another version of the service$/, "密文由本服务的另一版本加密"],
  [
    /^the secret was sealed with another key \(CONNTRAIL_SECRET_KEY\), or is damaged$/,
    "密文由另一密钥（CONNTRAIL_SECRET_KEY）加密，或已损坏",
  ],
  [/^the message could not be written/, "无法生成消息"],
  [/^plain http needs (CONNTRAIL_\w+=1); give an https address$/, "使用 http 需要 $1，否则请填写 https 地址"],
  [
    /^hosts of the provider are spoken to by https at port 443 only$/,
    "服务商的主机只能通过 https 的 443 端口访问",
  ],
  [
    /^this kind is at (.+); for another host the operator of the service must list it in (?=CONNTRAIL_)/,
    "该类渠道位于 $1；使用其他主机须由本服务的运维者列入 ",
  ],
  [/^the operator of the service must list the host in (?=CONNTRAIL_)/, "须由本服务的运维者将该主机列入 "],
  [/(^|: )answered (?=\d{3})/, "$1应答 "],
];

/** A reason in Chinese; what nobody translated stays as it is. */
export const reasonInChinese = (reason: string): string =>
  REASONS.reduce((text, [english, chinese]) => text.replace(english, chinese), reason).replace(
    ": 应答",
    "：应答",
  );

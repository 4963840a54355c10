import { say, type Part, type Text } from "./text.ts";
import { megabytes } from "./units.ts";
import { WATCH_RULES } from "./zh-watch.ts";
import type { Ask, Case, RuleWords } from "./words.ts";

const set = (code: string): Part => ({ code });
const MAX = set("nf_conntrack_max");

/** Names what it costs, where the limit is known. */
const raise = ({ max }: Ask): Text =>
  max === undefined
    ? say`立即扩容：调大 ${MAX}，并将 ${set("nf_conntrack_buckets")} 设为其四分之一（每条约占 320 字节内核内存）`
    : say`立即扩容：${set(`sysctl -w net.netfilter.nf_conntrack_max=${2 * max}`)} 可将上限翻倍，约增加 ${megabytes(max)} MB 内核内存；同时将 ${set("nf_conntrack_buckets")} 设为其四分之一`;

const TABLE_FULL: Case = {
  meaning: "连接跟踪表已满：内核会丢弃新建连接的包，该节点上的所有 Pod 都受影响。",
  advice: (ask) => [
    raise(ask),
    say`找出占满它的来源，对该工作负载限流或迁移：${ask.top}`,
    say`如果多数条目是已关闭的连接，可缩短 ${set("nf_conntrack_tcp_timeout_time_wait")}`,
  ],
};

const PORTS: Case = {
  meaning:
    "通往某个对端的 NAT 端口即将用尽：Pod 到它的新连接会失败或卡住，到其他对端则正常。连接跟踪表本身仍有空间。",
  advice: ({ ports }) => [
    say`查看端口被谁占用：${ports}`,
    say`让该工作负载复用连接（keep-alive、连接池），或分散到更多节点`,
    say`增加 NAT 地址，或让访问该对端不经过 NAT；调大 ${MAX} 没有帮助`,
  ],
};

const FLOOD_ADVICE: Case["advice"] = ({ flows, opened }) => [
  say`查看它在访问谁：${flows}；新建连接有多快：${opened}`,
  say`将其扩散到更多节点、复用连接或限流；如果已失控，请重启或停止它`,
  say`如果这属于正常情况，请设置静默，或为该集群调高此规则的阈值`,
];

export const RULES: Readonly<Record<string, RuleWords>> = {
  "pod-flood": {
    title: "单一来源占满连接跟踪表",
    meaning: "单一来源占用了该节点连接跟踪表的很大一部分，其他来源可能很快没有空间。",
    advice: FLOOD_ADVICE,
    causes: {
      openings: {
        title: "单一来源大量新建连接",
        meaning: "单一来源新建连接过快，可能很快占满该节点的连接跟踪表或 NAT 端口。",
        advice: FLOOD_ADVICE,
      },
    },
  },
  "table-pressure": {
    title: "连接跟踪表即将用满",
    meaning: "表满之后，内核会丢弃该节点上所有 Pod 的新连接。",
    advice: (ask) => [say`找出占用者，对该工作负载限流或迁移：${ask.top}`, raise(ask)],
  },
  "time-to-full": {
    title: "连接跟踪表不久将用满",
    meaning: "照目前的增长速度，连接跟踪表将在所示时间内用满。",
    advice: (ask) => [
      say`找出增长的来源，通常是连接泄漏：${ask.top}`,
      say`重启泄漏的工作负载后，其条目要等超时才会释放`,
      raise(ask),
    ],
  },
  drops: {
    title: "连接被丢弃",
    meaning: "内核无法跟踪这些连接，因此丢弃了相应的包。",
    advice: (ask) => [say`查看谁在新建连接：${ask.opened}`, raise(ask)],
    causes: {
      "table-full": { ...TABLE_FULL, title: "连接被丢弃：连接跟踪表已满" },
      "ports-exhausted": { ...PORTS, title: "连接被丢弃：NAT 端口用尽" },
      "chain-too-long": {
        title: "连接被丢弃：哈希链过长",
        meaning: "过多条目落在同一条哈希链上，表虽有空间，新条目仍被拒绝。",
        advice: ({ top }) => [
          say`调大 ${set("nf_conntrack_buckets")}，至少为 ${MAX} 的四分之一`,
          say`大量地址和端口几乎相同的流会造成这种情况：${top}`,
        ],
      },
      clash: {
        title: "插入条目时发生冲突",
        meaning:
          "同一新流的两个包争抢同一条目，多为 DNS 同时查询 A 和 AAAA。少量无害；如此之多会造成解析超时。",
        advice: ({ opened }) => [
          say`使用 NodeLocal DNSCache，或在 Pod 的 resolv.conf 中设置 ${set("single-request-reopen")}`,
          say`查看谁新建最多：${opened}`,
        ],
      },
      "early-drop": {
        title: "内核提前淘汰条目",
        meaning: "表已接近满，内核为了给新连接腾出空间，淘汰了它认为空闲的连接。",
        advice: TABLE_FULL.advice,
      },
    },
  },
  ports: { ...PORTS, title: "NAT 端口即将用尽" },
  "half-open": {
    title: "大量连接没有应答",
    meaning: "发出后没有应答的连接远多于平时。",
    advice: ({ unreplied }) => [say`查看来自谁、去往哪里：${unreplied}`],
    causes: {
      "destination-down": {
        title: "某个目标没有应答",
        meaning: "多数未应答的连接去往同一目标：它已宕机、过载，或被防火墙丢弃。",
        advice: ({ unreplied }) => [
          say`检查该目标及其前面的负载均衡和防火墙`,
          say`查看谁在等待它：${unreplied}`,
        ],
      },
      scan: {
        title: "单一来源尝试大量目标",
        meaning: "单一来源向许多不应答的目标发起连接：可能是扫描，也可能是过期的对端列表。",
        advice: ({ unreplied }) => [
          say`弄清该来源是什么，无人认领就停止它：${unreplied}`,
          say`用 NetworkPolicy 限制出站访问可以防止它`,
        ],
      },
    },
  },
  "close-wait": {
    title: "CLOSE_WAIT 连接堆积",
    meaning: "对端已关闭这些连接，本侧应用没有关闭：它在泄漏连接，迟早会耗尽文件描述符。",
    advice: ({ top }) => [
      say`找到该应用，可先重启以争取时间：${top}`,
      say`在应用中检查从不关闭的响应或连接池`,
    ],
  },
  "idle-established": {
    title: "空闲连接堆积",
    meaning: "越来越多的已建立连接一小时以上没有任何数据，却仍占用连接跟踪表。",
    advice: ({ top }) => [
      say`找出持有者：${top}；没有上限或空闲超时的连接池会造成这种情况`,
      say`缩短 ${set("nf_conntrack_tcp_timeout_established")}（默认 5 天，kube-proxy 设为 1 天）`,
    ],
  },
  invalid: {
    title: "大量无效包",
    meaning: "不属于任何连接的包远多于平时：非对称路由、迟到的重传，或来自外部的洪泛。",
    advice: ({ top }) => [
      say`检查路由或网卡（offload）最近的变更，以及回程路径不同的包`,
      say`如需放行已知连接的迟到包：${set("nf_conntrack_tcp_be_liberal")} = 1`,
      say`查看谁在通信：${top}`,
    ],
  },
  ...WATCH_RULES,
};

import { say, type Part } from "./text.ts";
import type { Case, RuleWords } from "./words.ts";

const set = (code: string): Part => ({ code });

const FLEET: Case = {
  meaning: "同一指标在许多节点上同时升高，单个节点的幅度都不足以单独告警。",
  advice: ({ opened, top }) => [
    say`查找它们的共同点：某次发布、共同调用的服务、DNS 或网络`,
    say`查看谁在增长：${top}；谁新建最多：${opened}`,
  ],
};

/** Of rules about what watches, and about nodes against each other. */
export const WATCH_RULES: Readonly<Record<string, RuleWords>> = {
  "settings-drift": {
    title: "节点设置与其他节点不一致",
    meaning: "该节点的一项连接跟踪设置与集群中几乎所有节点不同。",
    advice: ({ nodes }) => [
      say`改为与其他节点一致，或由配置工具处理；可用 ${set("GET /v1/sysctls")} 对比`,
      say`查看节点：${nodes}`,
    ],
  },
  "silent-node": {
    title: "没有上报",
    meaning: "agent 没有上报，那里的情况不得而知。可能节点宕机，也可能只是 agent 或到本服务的网络出了问题。",
    advice: ({ nodes }) => [
      say`节点是否在线？在线则查看 agent：${set("kubectl -n conntrail logs -l app.kubernetes.io/name=conntrail-agent")}，或 ${set("journalctl -u conntrail-agent")}`,
      say`如果许多节点同时失联，请检查网络和本服务：${nodes}`,
      say`如果节点已有意下线，请将其退役：${set("POST /v1/clusters/CLUSTER/nodes/NODE/retire")}`,
    ],
    causes: {
      "ingest-or-network": {
        title: "许多节点没有上报",
        meaning: "许多节点同时失联：更可能是本服务或中间网络的问题，而不是每个节点各自的问题。",
        advice: ({ nodes }) => [
          say`检查中间环节：DNS、代理、防火墙、证书、agent 的令牌`,
          say`查看哪些节点仍在上报：${nodes}`,
        ],
      },
    },
  },
  "blind-agent": {
    title: "agent 看不到数据",
    meaning: "上报仍在，但不再包含连接跟踪表的内容：其他规则看不到该节点上的问题。",
    advice: () => [
      say`查看该节点上 agent 的日志，其中说明了读不到什么、需要什么（主机网络命名空间中的 CAP_NET_ADMIN）`,
      say`是否重新加载过 ${set("nf_conntrack")} 模块，或修改过 agent 的部署清单？`,
    ],
    causes: {
      "no-source": {
        title: "agent 无法再读取连接跟踪表",
        meaning: "上报仍在，但 agent 不能像之前那样读取连接跟踪表：谁在使用它不得而知。",
        advice: () => [
          say`查看该节点上 agent 的日志，其中说明了读不到什么`,
          say`它需要主机网络命名空间中的 CAP_NET_ADMIN；部署清单是否改过？`,
        ],
      },
      "empty-table": {
        title: "agent 看到的表是空的",
        meaning: "之前有条目，现在一条也读不到：它看到的可能不是主机的网络命名空间。",
        advice: () => [
          say`agent 是否仍运行在主机网络命名空间中（${set("hostNetwork: true")}）？`,
          say`节点上是否还有防火墙或 NAT 规则？一条也没有时，内核不会跟踪连接`,
        ],
      },
      frozen: {
        title: "agent 的数字不再变化",
        meaning: "连续多个窗口的所有计数都没有变化：上报的可能是旧数据，其他规则看不到那里的问题。",
        advice: () => [say`重启该节点的 agent`, say`查看其日志：它在读什么、从哪里读？`],
      },
      "stale-dump": {
        title: "agent 很久没有读取条目",
        meaning: "计数仍在上报，但最近一次读取条目已是很久以前：现在谁占用了表不得而知。",
        advice: () => [
          say`表可能太大，超出 agent 的 CPU 预算：调大 ${set("CONNTRAIL_CPU_BUDGET")}`,
          say`查看 agent 的日志：最近一次读取发生了什么？`,
        ],
      },
      lossy: {
        title: "agent 丢失事件",
        meaning: "agent 长时间来不及接收，内核丢弃了事件：新建和关闭的计数偏低。",
        advice: ({ opened }) => [
          say`节点是否还有 CPU 留给 agent？调高其上限`,
          say`查看谁在大量新建连接：${opened}`,
        ],
      },
    },
  },
  "fleet-shift": {
    title: "许多节点同时变化",
    ...FLEET,
    causes: {
      count: { ...FLEET, title: "许多节点条目数同时升高" },
      opened: { ...FLEET, title: "许多节点新建连接同时升高" },
      halfOpen: { ...FLEET, title: "许多节点无应答连接同时升高" },
      closeWait: { ...FLEET, title: "许多节点 CLOSE_WAIT 同时升高" },
      invalid: { ...FLEET, title: "许多节点无效包同时升高" },
      insertFailed: { ...FLEET, title: "许多节点插入失败同时升高" },
    },
  },
};

import { say, type Part, type Text } from "./text.ts";
import type { Unit, Words } from "./words.ts";
import { RULES } from "./zh-rules.ts";

const UNITS: Readonly<Record<Unit, (written: string) => string>> = {
  ratio: (written) => `${written}%`,
  entries: (written) => `${written} 条`,
  "flows/s": (written) => `每秒新建 ${written} 个连接`,
  "packets/s": (written) => `每秒 ${written} 个包`,
  ms: (written) => written,
  ports: (written) => `${written} 个端口`,
  nodes: (written) => `${written} 个节点`,
  count: (written) => written,
  times: (written) => `${written} 倍`,
  openings: (written) => `每个窗口新建 ${written} 个连接`,
  seconds: (written) => written,
  at: (written) => written,
};

const KINDS: Readonly<Record<string, string>> = {
  pod: "Pod",
  host: "主机",
  service: "Service",
  container: "容器",
  external: "外部主机",
  address: "地址",
};

const NEWS = { worsened: "恶化", flapping: "反复", stale: "无新数据", ended: "不再跟踪" } as const;

export const ZH: Words = {
  rules: RULES,
  unknownRule: (rule) => ({
    title: `规则 ${rule} 触发`,
    meaning: "该集群的一条规则发现异常。",
    advice: ({ top }) => [say`查看谁占用了连接跟踪表：${top}`],
  }),
  state(state, severity, news) {
    const loud = severity === "critical" ? "严重" : "警告";
    const states = {
      firing: news === undefined ? loud : `${NEWS[news]}（${loud}）`,
      again: `仍在持续（${loud}）`,
      partly: "部分恢复",
      resolved: news === "ended" ? NEWS.ended : "已恢复",
      over: news === "ended" ? NEWS.ended : "已自行恢复",
      notice: "通知",
      test: "测试",
    };
    return states[state];
  },
  time: { d: "天", h: "小时", min: "分钟", s: "秒" },
  unit: (unit, written) => UNITS[unit](written),
  title: {
    of: (state, what, where, cluster) =>
      where.length === 0
        ? say`${state}：${what}，集群 ${cluster}`
        : say`${state}：${what}，${where}，集群 ${cluster}`,
    andMore: (first, more) => say`${first} 等 ${more + 1} 处`,
    fleet: (affected, nodes) => `${nodes} 个节点中的 ${affected} 个`,
  },
  where: {
    node: (node) => say`节点 ${node}`,
    on: (what, node) => say`节点 ${node} 上的 ${what}`,
    cluster: (cluster) => say`集群 ${cluster}`,
    towards: (nat, peer, protocol) =>
      nat === undefined ? say`通往 ${peer}${tail(protocol)}` : say`${nat} 通往 ${peer}${tail(protocol)}`,
    anomaly: (id) => `（异常 ${id}）`,
    party: (kind, name, workload): Text => {
      const who: Text = say`${KINDS[kind] ?? "归属者"} ${name}`;
      return workload.length === 0 ? who : say`${who}（${workload}）`;
    },
  },
  value: {
    of: (part, whole) => `${part} / ${whole}`,
    limit: (limit) => `阈值 ${limit}`,
    usual: (usual) => `平时 ${usual}`,
    share: (share) => `${share}%`,
    agree: (nodes, all) => `${all} 个节点中有 ${nodes} 个一致`,
    towards: (peer: Part) => say`，通往 ${peer}`,
  },
  since: (lasted, began) => `${began}（已持续 ${lasted}）`,
  lasted: (lasted, from, to) => `${lasted}（${from} 至 ${to}）`,
  ended: {
    silent: "是否恢复未知：该节点已有一天没有上报",
    retired: "是否恢复未知：该节点已退役，或其数据已不再保留",
    disabled: "是否恢复未知：该规则已被停用",
  },
  acknowledged: (by, note) => {
    if (by === undefined) return [note ?? "是"];
    return note === undefined ? say`确认人 ${by}` : say`确认人 ${by}：${note}`;
  },
  unmuted: "此前被静默或被其他告警抑制，现已解除，异常仍在持续",
  take: (id) =>
    say`有人处理时用 ${{ code: `POST /v1/anomalies/${id ?? "ID"}/acknowledge` }} 确认，不再重复提醒；如需暂时静默：${{ code: "POST /v1/silences" }}`,
  counts: {
    again: "此前已通知过，异常仍在持续。",
    open: (open) => `目前共有 ${open} 处异常未恢复。`,
    resolved: (resolved) => `其间已有 ${resolved} 处恢复。`,
    shown: (shown, all) => `共 ${all} 处，此处列出最重要的 ${shown} 处。`,
    fleet: (affected, nodes) =>
      `${nodes} 个节点中有 ${affected} 个受影响，合并为一次事件通知。请查找它们的共同点：某次发布、共同调用的服务，或网络。`,
    over: "异常在本消息送达之前已出现并恢复，目前无需处理。",
    allClear: "此类异常已全部恢复。",
    ended: "不再通知，但无法确认已恢复。",
  },
  labels: {
    value: "当前",
    worst: "最严重时",
    since: "开始于",
    lasted: "持续时间",
    ended: "结束原因",
    whyNow: "为何现在通知",
    cause: "原因",
    who: "主要来源",
    towards: "主要去向",
    nodes: "节点",
    log: "内核日志",
    acknowledged: "已确认",
    advice: "处理建议",
    adviceOfFirst: "处理建议（命令针对第一处）",
    link: "详情（API）",
  },
  facts: {
    share: "占该节点",
    openedPerSecond: "新建速率",
    entries: "条目数",
    snatShare: "经 SNAT",
    natAddress: "NAT 地址",
    leftMs: "预计用尽",
    perHour: "每小时增长",
    usualPerHour: "平时每小时增长",
    utilisation: "表占用率",
    fill: "表占用率",
    drop: "5 分钟内丢弃",
    insertFailed: "5 分钟内插入失败",
    earlyDrop: "5 分钟内提前淘汰",
    chainTooLong: "5 分钟内链过长",
    portsUsed: "已用端口",
    perSecond: "新建速率（约）",
    sourceShare: "最大来源占比",
    established: "已建立",
    usualEstablished: "平时已建立",
    timeoutS: "该节点超时",
    usual: "平时",
    before: "此前",
    since: "变更于",
    silent: "失联",
    lastSeenAt: "最后上报",
    source: "读取方式",
    events: "事件",
    count: "条目数",
    overruns: "溢出次数",
    "drops.share": "丢失占新建",
    "idle-established.share": "空闲占已建立",
    "half-open.share": "占全部条目",
    "settings-drift.set": "当前设置",
    "settings-drift.usual": "其他节点",
  },
  colon: "：",
  sentence: "",
  semicolon: "；",
};

const tail = (protocol: string) => (protocol === "" ? "" : `（${protocol}）`);

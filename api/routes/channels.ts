import type { Db } from "../../db/client.ts";
import {
  changeChannel,
  channelById,
  channelNamed,
  deleteChannel,
  enable,
  insertChannel,
  listChannels,
  nextChannelId,
  noteTrial,
} from "../../db/queries/channels.ts";
import type { SealedChannel } from "../../db/queries/channels.ts";
import { hasten, switchOff } from "../../db/queries/deliveries.ts";
import { groupsAlive, tellAnew } from "../../db/queries/outbox.ts";
import type { Alert } from "../alerts/alert.ts";
import { handOver, languageOf, openTarget, providerNamed, sealTarget } from "../alerts/dispatch/hand-over.ts";
import type { Handed } from "../alerts/dispatch/hand-over.ts";
import { trialOf } from "../alerts/dispatch/notice.ts";
import { accepts, ChannelFilter } from "../alerts/filter.ts";
import { BUDGET } from "../alerts/grouping.ts";
import { checkTarget, shownOf } from "../alerts/new-target.ts";
import type { Provider, Target } from "../alerts/provider.ts";
import { readSmallJson } from "../body.ts";
import { pageQuery, toPage } from "../page.ts";
import { invalid, ProblemError } from "../problem.ts";
import { router } from "../router.ts";
import type { Deps, Messaging } from "../router.ts";
import {
  ChannelChange,
  createChannel,
  getChannel,
  getChannels,
  NewChannel,
  patchChannel,
  removeChannel,
  toChannel,
  tryChannel,
} from "./channel-contract.ts";

type Given = { [Part in keyof Target]?: Target[Part] | undefined };

const OFF_BY_HAND = "switched off by hand";

export const channels = router();

channels.openapi(createChannel, async (c) => {
  const { deps } = c.var;
  const parsed = NewChannel.safeParse(await readSmallJson(c.req.raw, deps.bodyDeadlineMs));
  if (!parsed.success) throw invalid("The channel is invalid.", parsed.error.issues);
  const messaging = await messagingOf(deps);
  const { kind, name, language = "en", filter = {}, ...given } = parsed.data;
  const target = targetOf(provider(kind), given, messaging);
  if (await channelNamed(deps.db, name)) throw taken();
  const id = await nextChannelId(deps.db);
  const now = deps.now();
  const sealed = await sealTarget(messaging.sealer, id, target);
  const row = { id, name, kind, language, filter, sealed, shown: shownOf(target), now, tokens: BUDGET };
  if (!(await insertChannel(deps.db, row, await openFor(deps.db, filter)))) throw taken();
  deps.onNews?.();
  return c.json(toChannel(await found(deps.db, id)), 201);
});

channels.openapi(getChannels, async (c) => {
  const page = pageQuery(c.req.valid("query"));
  const rows = await listChannels(c.var.deps.db, Number(page.after ?? 0) || 0, page.limit);
  const { rows: shown, ...next } = toPage(rows, page, ({ id }) => String(id));
  return c.json({ channels: shown.map(toChannel), ...next }, 200);
});

channels.openapi(getChannel, async (c) =>
  c.json(toChannel(await found(c.var.deps.db, c.req.valid("param").id)), 200),
);

channels.openapi(patchChannel, async (c) => {
  const { deps } = c.var;
  const { id } = c.req.valid("param");
  const parsed = ChannelChange.safeParse(await readSmallJson(c.req.raw, deps.bodyDeadlineMs));
  if (!parsed.success) throw invalid("The channel is invalid.", parsed.error.issues);
  await change(deps, await found(deps.db, id), parsed.data);
  deps.onNews?.();
  return c.json(toChannel(await found(deps.db, id)), 200);
});

channels.openapi(removeChannel, async (c) => {
  if (!(await deleteChannel(c.var.deps.db, c.req.valid("param").id))) throw unknown();
  return c.body(null, 204);
});

channels.openapi(tryChannel, async (c) => {
  const { deps } = c.var;
  const channel = await found(deps.db, c.req.valid("param").id);
  const messaging = await messagingOf(deps);
  const alert = trialOf(channel.name, languageOf(channel.language));
  const key = crypto.randomUUID();
  const handed = await handOver({ ...messaging, provider: provider(channel.kind) }, channel, alert, {
    deliveryId: key,
    now: deps.now(),
  });
  await noteHanded(deps, messaging, { channel, key, alert, ...handed });
  deps.onNews?.();
  const { outcome, status } = handed;
  const isSent = outcome.result === "sent";
  const says = isSent ? "the provider took the message" : outcome.reason;
  return c.json({ arrived: isSent, status, says }, 200);
});

async function noteHanded(
  { db, now }: Deps,
  { sealer }: Messaging,
  { channel, key, alert, outcome, status }: Handed & { channel: SealedChannel; key: string; alert: Alert },
): Promise<void> {
  const moved = outcome.result === "later" ? outcome.moved : undefined;
  const sealed =
    moved && (await sealTarget(sealer, channel.id, { ...(await openTarget(sealer, channel)), ...moved }));
  const error = outcome.result === "sent" ? null : outcome.reason;
  await noteTrial(db, { channelId: channel.id, key, now: now(), alert, status, error, sealed });
}

async function change(deps: Deps, channel: SealedChannel, wanted: ChannelChange): Promise<void> {
  const { url, secret, chatId, username, enabled, filter } = wanted;
  const given = { url, secret, chatId, username };
  const target = await changedTarget(deps, channel, given);
  const { name = channel.name, language = channel.language } = wanted;
  const changed = { name, language, filter: filter ?? filterOf(channel), target };
  const isOn = enabled ?? channel.enabled === 1;
  const isNew = [target, filter].some((one) => one !== undefined) || channel.enabled === 0;
  const more = isOn
    ? [
        ...(enabled === true ? [enable(channel.id)] : []),
        ...(isNew ? await tellingAnew(deps, channel, changed) : []),
      ]
    : switchOff(channel.id, channel.disabledReason ?? OFF_BY_HAND);
  if (!(await changeChannel(deps.db, channel.id, changed, more))) throw taken();
}

/** Who reads at another address was told nothing there. */
async function tellingAnew(
  { db, now }: Deps,
  channel: SealedChannel,
  { filter, target }: { filter: ChannelFilter; target: object | undefined },
) {
  const groups = await openFor(db, filter, target ? undefined : filterOf(channel));
  return [...tellAnew(channel.id, groups, now()), hasten(channel.id, now())];
}

const filterOf = ({ filter }: SealedChannel): ChannelFilter => ChannelFilter.parse(JSON.parse(filter));

/** Undefined where it stays as it is. */
async function changedTarget(
  deps: Deps,
  channel: SealedChannel,
  given: Given,
): Promise<{ sealed: Uint8Array; shown: string } | undefined> {
  if (Object.values(given).every((one) => one === undefined)) return undefined;
  const messaging = await messagingOf(deps);
  const known = await openTarget(messaging.sealer, channel).catch(() => ({}));
  const wanted = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const target = targetOf(provider(channel.kind), { ...known, ...wanted }, messaging);
  return { sealed: await sealTarget(messaging.sealer, channel.id, target), shown: shownOf(target) };
}

function targetOf(of: Provider, given: Given, { hosts }: Messaging): Target {
  const checked = checkTarget(of, given, hosts);
  if ("issues" in checked) throw invalid("The channel is invalid.", checked.issues);
  return checked.target;
}

/** Groups in which something is open that such a channel is told of: new to it where its filter was not so before. */
async function openFor(
  db: Db,
  filter: ChannelFilter,
  before?: ChannelFilter,
): Promise<{ clusterId: number; rule: string; isNew: boolean }[]> {
  const takes = (by: ChannelFilter, { cluster, rule }: { cluster: string; rule: string }) =>
    accepts(by, { cluster, rule, severity: "critical" });
  return (await groupsAlive(db))
    .filter((group) => takes(filter, group))
    .map((group) => ({ ...group, isNew: !before || !takes(before, group) }));
}

async function found(db: Db, id: number): Promise<SealedChannel> {
  const channel = await channelById(db, id);
  if (!channel) throw unknown();
  return channel;
}

function provider(kind: string): Provider {
  const known = providerNamed(kind);
  if (!known) throw new ProblemError("misconfigured", "This version of the service does not know that kind.");
  return known;
}

async function messagingOf({ alerting }: Deps): Promise<Messaging> {
  if (!alerting)
    throw new ProblemError(
      "misconfigured",
      "Nothing is there to seal secrets with: the operator of the service must set SECRET_KEY.",
    );
  return alerting();
}

const taken = () => new ProblemError("conflict", "There is a channel of that name.");
const unknown = () => new ProblemError("not-found", "There is no such channel.");

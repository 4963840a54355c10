import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import type { ChannelRow } from "../../db/queries/channels.ts";
import { allow } from "../access.ts";
import { LANGUAGES } from "../alerts/alert.ts";
import { ChannelFilter } from "../alerts/filter.ts";
import { areOfRules, NO_SUCH_RULE } from "../alerts/known-rules.ts";
import { MAX_URL } from "../alerts/hosts.ts";
import { CHANNEL_KINDS } from "../alerts/provider.ts";
import { bearer, body, bodyProblems, json, problems, Time, toTime, toTimeOrNull } from "../contract.ts";
import { Next, pageParameters } from "../page.ts";
import { whole } from "../parameters.ts";

const MAX_NAME = 100;
const MAX_SECRET = 512;

const Name = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .regex(/^[^\p{C}]*$/u, "no control characters, please");

/** Where it sends; which of these a kind needs, its complaints say. */
const target = {
  url: z
    .string()
    .min(1)
    .max(MAX_URL)
    .optional()
    .meta({ description: "As the provider shows it. A secret: it is never shown again." }),
  secret: z
    .string()
    .min(1)
    .max(MAX_SECRET)
    .optional()
    .meta({ description: "To sign or to log in with: by kind." }),
  chatId: z.string().min(1).max(MAX_NAME).optional().meta({ description: "Telegram: the chat." }),
  username: z.string().min(1).max(MAX_NAME).optional().meta({ description: "Alertmanager behind a proxy." }),
};
const settings = {
  language: z.enum(LANGUAGES).optional().meta({ description: "Of the messages. Default en." }),
  filter: ChannelFilter.extend({ rules: ChannelFilter.shape.rules.refine(areOfRules, NO_SUCH_RULE) })
    .optional()
    .meta({ description: "What is told; what is left out takes all." }),
};

export const NewChannel = z
  .strictObject({ kind: z.enum(CHANNEL_KINDS), name: Name, ...target, ...settings })
  .meta({ id: "NewChannel" });
export type NewChannel = z.infer<typeof NewChannel>;

export const ChannelChange = z
  .strictObject({ name: Name.optional(), ...target, ...settings, enabled: z.boolean().optional() })
  .meta({ id: "ChannelChange" });
export type ChannelChange = z.infer<typeof ChannelChange>;

const Channel = z
  .object({
    id: z.int(),
    name: z.string(),
    kind: z.string(),
    language: z.string(),
    filter: ChannelFilter,
    target: z
      .string()
      .meta({ description: "What is shown of the address: its host, and its last characters." }),
    createdAt: Time,
    enabled: z.boolean(),
    disabledReason: z.string().nullable().meta({ description: "Why it was switched off." }),
    failures: z.int().meta({ description: "In a row; from five on it is tried once in five minutes." }),
    pausedUntil: Time.nullable(),
    lastSentAt: Time.nullable(),
    waiting: z.int().meta({ description: "Messages that wait to be sent." }),
  })
  .meta({ id: "Channel" });

export const toChannel = (row: ChannelRow) => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  language: row.language,
  filter: ChannelFilter.parse(JSON.parse(row.filter)),
  target: row.shown,
  createdAt: toTime(row.createdAt),
  enabled: row.enabled === 1,
  disabledReason: row.disabledReason,
  failures: row.failures,
  pausedUntil: toTimeOrNull(row.pausedUntil),
  lastSentAt: toTimeOrNull(row.lastSentAt),
  waiting: row.waiting,
});

/** Ids are rows' of SQLite. */
export const IdPath = z.object({ id: whole(1, Number.MAX_SAFE_INTEGER - 1) });

const administered = { security: bearer, middleware: allow("admin") };

export const createChannel = createRoute({
  ...administered,
  method: "post",
  path: "/v1/channels",
  summary: "Add a channel; it is told of what is open now, and of all that its filter takes from then on",
  request: { body: body("NewChannel") },
  responses: { 201: json(Channel, "Added"), ...problems(401, 403, 409, 503, 507), ...bodyProblems },
});

export const getChannels = createRoute({
  ...administered,
  method: "get",
  path: "/v1/channels",
  summary: "Where alerts go, without secrets",
  request: { query: z.strictObject(pageParameters) },
  responses: {
    200: json(z.object({ channels: z.array(Channel), next: Next }), "Channels"),
    ...problems(401, 403, 422, 503),
  },
});

export const getChannel = createRoute({
  ...administered,
  method: "get",
  path: "/v1/channels/{id}",
  summary: "One channel, without secrets",
  request: { params: IdPath },
  responses: { 200: json(Channel, "The channel"), ...problems(401, 403, 404, 503) },
});

export const patchChannel = createRoute({
  ...administered,
  method: "patch",
  path: "/v1/channels/{id}",
  summary:
    "Change a channel; with another filter or address, or switched on again, it is told anew of what is open",
  request: { params: IdPath, body: body("ChannelChange") },
  responses: { 200: json(Channel, "Changed"), ...problems(401, 403, 404, 409, 503, 507), ...bodyProblems },
});

export const removeChannel = createRoute({
  ...administered,
  method: "delete",
  path: "/v1/channels/{id}",
  summary: "Forget a channel, and what was sent by it",
  request: { params: IdPath },
  responses: { 204: { description: "Forgotten" }, ...problems(401, 403, 404, 503, 507) },
});

export const tryChannel = createRoute({
  ...administered,
  method: "post",
  path: "/v1/channels/{id}/test",
  summary: "Send a trial now, and say what the provider answered",
  request: { params: IdPath },
  responses: {
    200: json(
      z.object({
        arrived: z.boolean(),
        status: z.int().nullable().meta({ description: "Of HTTP; null where there was no answer." }),
        says: z.string().meta({ description: "What it means, in words." }),
      }),
      "What became of it",
    ),
    ...problems(401, 403, 404, 503, 507),
  },
});

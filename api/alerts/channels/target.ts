import * as z from "zod";
import { MAX_URL } from "../hosts.ts";

/** Address of a webhook; `fits` says whether path and query are those of the provider, `like` shows one. */
export const webhookUrl = (fits: (url: URL) => boolean, like: string) =>
  z
    .string()
    .max(MAX_URL)
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && fits(url);
    }, `give the address of the webhook as the provider shows it: ${like}`);

export const JSON_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/json; charset=utf-8",
};

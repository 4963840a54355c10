import { drizzle } from "drizzle-orm/d1";
import type { Db } from "./client.ts";

export function openD1(binding: D1Database): Db {
  return drizzle(binding);
}

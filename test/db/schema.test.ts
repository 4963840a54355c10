import { freshDb } from "#fresh-db";
import { getTableColumns, getTableName, is, sql } from "drizzle-orm";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { test } from "vitest";
import * as schema from "../../db/schema.ts";

type Column = { name: string; type: string; notnull: number };

const tables = Object.values(schema)
  .filter((value) => is(value, SQLiteTable))
  .map((table) => [getTableName(table), table] as const);

test.for(tables)("the migrations make %s as the schema has it", async ([name, table], { expect }) => {
  const db = await freshDb();
  const migrated = await db.all<Column>(sql.raw(`pragma table_info("${name}")`));
  expect(migrated.map((column) => [column.name, column.type.toLowerCase(), column.notnull === 1])).toEqual(
    Object.values(getTableColumns(table)).map((column) => [column.name, column.getSQLType(), column.notNull]),
  );
});

test("tables read by their key alone have no rowid, which would be one row more to write", async ({
  expect,
}) => {
  const db = await freshDb();
  const rows = await db.all<{ name: string }>(
    sql`select name from sqlite_master where type = 'table' and sql like '%WITHOUT ROWID%' order by name`,
  );
  expect(rows.map(({ name }) => name)).toEqual([
    "alert_groups",
    "dirty",
    "listings",
    "node_addresses",
    "node_settings",
    "rule_settings",
    "samples",
    "tokens",
    "watches",
  ]);
});

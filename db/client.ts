import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import type { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core";

/**
 * A database of either driver. D1 has no interactive transactions, so they are not in the type;
 * `batch` is atomic on both.
 */
export type Db = Omit<BaseSQLiteDatabase<"async", unknown>, "transaction"> & {
  batch<U extends BatchItem<"sqlite">, T extends Readonly<[U, ...U[]]>>(batch: T): Promise<BatchResponse<T>>;
};

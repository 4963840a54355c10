ALTER TABLE `upkeep` ADD `hours_from` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `upkeep` ADD `forgetting` integer DEFAULT false NOT NULL;--> statement-breakpoint
-- What was folded before there were days.
INSERT OR IGNORE INTO `dirty` SELECT DISTINCT `cluster_id`, 4, `node_id`, `start` / 86400000 * 86400000 FROM `samples` WHERE `tier` = 3;

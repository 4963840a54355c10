CREATE TABLE `buckets` (
	`cluster_id` integer NOT NULL,
	`tier` integer NOT NULL,
	`node_id` integer NOT NULL,
	`start` integer NOT NULL,
	`data` blob NOT NULL,
	PRIMARY KEY(`cluster_id`, `tier`, `node_id`, `start`)
);
--> statement-breakpoint
CREATE TABLE `dirty` (
	`cluster_id` integer NOT NULL,
	`tier` integer NOT NULL,
	`node_id` integer NOT NULL,
	`start` integer NOT NULL,
	PRIMARY KEY(`cluster_id`, `tier`, `node_id`, `start`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `listings` (
	`cluster_id` integer NOT NULL,
	`node_id` integer NOT NULL,
	`at` integer NOT NULL,
	`owners` integer NOT NULL,
	`settings` integer NOT NULL,
	PRIMARY KEY(`cluster_id`, `node_id`, `at`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `node_settings` (
	`cluster_id` integer NOT NULL,
	`node_id` integer NOT NULL,
	`at` integer NOT NULL,
	`settings_id` integer NOT NULL,
	PRIMARY KEY(`cluster_id`, `node_id`, `at`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `owners` (
	`id` integer PRIMARY KEY NOT NULL,
	`cluster_id` integer NOT NULL,
	`node_id` integer NOT NULL,
	`address` text NOT NULL,
	`kind` text NOT NULL,
	`namespace` text NOT NULL,
	`name` text NOT NULL,
	`uid` text NOT NULL,
	`workload_kind` text NOT NULL,
	`workload` text NOT NULL,
	`source` text NOT NULL,
	`since` integer NOT NULL,
	`until` integer,
	`said_at` integer NOT NULL,
	`absent` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `owners_holding` ON `owners` (`cluster_id`,`address`,`node_id`,`uid`,`name`,`namespace`,`kind`,`since`);--> statement-breakpoint
CREATE INDEX `owners_of_node` ON `owners` (`cluster_id`,`node_id`);--> statement-breakpoint
CREATE INDEX `owners_by_name` ON `owners` (`cluster_id`,`namespace`,`name`);--> statement-breakpoint
CREATE TABLE `segments` (
	`id` integer PRIMARY KEY NOT NULL,
	`cluster_id` integer NOT NULL,
	`node_id` integer NOT NULL,
	`boot` integer NOT NULL,
	`sequence` integer NOT NULL,
	`start` integer NOT NULL,
	`end` integer NOT NULL,
	`data` blob NOT NULL,
	`details` blob
);
--> statement-breakpoint
CREATE UNIQUE INDEX `segments_identity` ON `segments` (`cluster_id`,`node_id`,`boot`,`sequence`);--> statement-breakpoint
CREATE TABLE `settings` (
	`id` integer PRIMARY KEY NOT NULL,
	`cluster_id` integer NOT NULL,
	`hash` text NOT NULL,
	`content` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `settings_hash` ON `settings` (`cluster_id`,`hash`);--> statement-breakpoint
CREATE TABLE `upkeep` (
	`id` integer PRIMARY KEY NOT NULL,
	`holder` text,
	`expires_at` integer NOT NULL,
	`seen` integer NOT NULL
);
--> statement-breakpoint
DROP INDEX `samples_identity`;--> statement-breakpoint
ALTER TABLE `samples` ADD `windows` integer;--> statement-breakpoint
ALTER TABLE `samples` ADD `covered_ms` integer;--> statement-breakpoint
ALTER TABLE `samples` ADD `utilisation` real;--> statement-breakpoint
ALTER TABLE `samples` ADD `nodes` integer;--> statement-breakpoint
ALTER TABLE `boots` ADD `first_seen_at` integer;--> statement-breakpoint
ALTER TABLE `nodes` ADD `retired_at` integer;--> statement-breakpoint
INSERT INTO `segments` (`cluster_id`, `node_id`, `boot`, `sequence`, `start`, `end`, `data`, `details`)
SELECT s.`cluster_id`, s.`node_id`, s.`boot`, s.`sequence`, s.`start`, s.`end`, coalesce(o.`data`, x''), o.`details`
FROM `samples` s LEFT JOIN `old_segments` o USING (`cluster_id`, `tier`, `node_id`, `start`, `boot`, `sequence`)
WHERE s.`tier` = 0 ORDER BY s.`start`;--> statement-breakpoint
DROP TABLE `old_segments`;--> statement-breakpoint
INSERT INTO `upkeep` (`id`, `expires_at`, `seen`) VALUES (1, 0, 0);

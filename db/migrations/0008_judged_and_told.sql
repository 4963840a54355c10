CREATE TABLE `alert_groups` (
	`channel_id` integer NOT NULL,
	`cluster_id` integer NOT NULL,
	`rule` text NOT NULL,
	`told` integer NOT NULL,
	`warned` integer DEFAULT 0 NOT NULL,
	`due_at` integer,
	`sent_at` integer,
	`sent_before` integer,
	`repeat_at` integer,
	`episode` integer NOT NULL,
	`ref` text,
	`fleet` text,
	PRIMARY KEY(`channel_id`, `cluster_id`, `rule`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `alert_groups_due` ON `alert_groups` (`due_at`);--> statement-breakpoint
CREATE INDEX `alert_groups_repeat` ON `alert_groups` (`repeat_at`);--> statement-breakpoint
CREATE TABLE `anomalies` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`cluster_id` integer NOT NULL,
	`rule` text NOT NULL,
	`rule_version` text NOT NULL,
	`subject` text NOT NULL,
	`node_id` integer NOT NULL,
	`about` text NOT NULL,
	`severity` text NOT NULL,
	`opened_at` integer NOT NULL,
	`resolved_at` integer,
	`last_at` integer NOT NULL,
	`finding` text NOT NULL,
	`peak` real,
	`muted` text,
	`announced` integer NOT NULL,
	`stale` integer DEFAULT false NOT NULL,
	`flapping` integer DEFAULT false NOT NULL,
	`acknowledged_at` integer,
	`acknowledged_by` text,
	`note` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `anomalies_open` ON `anomalies` (`cluster_id`,`rule`,`subject`) WHERE resolved_at is null;--> statement-breakpoint
CREATE INDEX `anomalies_by_time` ON `anomalies` (`cluster_id`,`opened_at`);--> statement-breakpoint
CREATE TABLE `anomaly_events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`cluster_id` integer NOT NULL,
	`rule` text NOT NULL,
	`anomaly_id` integer NOT NULL,
	`at` integer NOT NULL,
	`recorded_at` integer NOT NULL,
	`transition` text NOT NULL,
	`severity` text NOT NULL,
	`finding` text,
	`muted` text,
	`by` text,
	`note` text
);
--> statement-breakpoint
CREATE INDEX `anomaly_events_of` ON `anomaly_events` (`anomaly_id`);--> statement-breakpoint
CREATE INDEX `anomaly_events_of_rule` ON `anomaly_events` (`cluster_id`,`rule`,`id`);--> statement-breakpoint
CREATE TABLE `channels` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`kind` text NOT NULL,
	`language` text NOT NULL,
	`filter` text NOT NULL,
	`sealed` blob NOT NULL,
	`shown` text NOT NULL,
	`created_at` integer NOT NULL,
	`enabled` integer NOT NULL,
	`disabled_reason` text,
	`tokens` real NOT NULL,
	`refilled_at` integer NOT NULL,
	`spaced_at` integer DEFAULT 0 NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`paused_until` integer,
	`last_sent_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `channels_name_unique` ON `channels` (`name`);--> statement-breakpoint
CREATE TABLE `deliveries` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`channel_id` integer NOT NULL,
	`key` text NOT NULL,
	`cluster_id` integer,
	`rule` text,
	`kind` text NOT NULL,
	`from_event` integer,
	`to_event` integer,
	`state` text NOT NULL,
	`attempt` integer NOT NULL,
	`due_at` integer NOT NULL,
	`holder` text,
	`lease_until` integer,
	`created_at` integer NOT NULL,
	`sent_at` integer,
	`status` integer,
	`error` text,
	`alert` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `deliveries_key` ON `deliveries` (`key`);--> statement-breakpoint
CREATE INDEX `deliveries_due` ON `deliveries` (`state`,`due_at`);--> statement-breakpoint
CREATE INDEX `deliveries_of_channel` ON `deliveries` (`channel_id`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `deliveries_under_way` ON `deliveries` (`channel_id`,`cluster_id`,`rule`) WHERE state in ('waiting', 'sending') and rule is not null;--> statement-breakpoint
CREATE TABLE `rule_settings` (
	`cluster_id` integer NOT NULL,
	`version` integer NOT NULL,
	`at` integer NOT NULL,
	`settings` text NOT NULL,
	PRIMARY KEY(`cluster_id`, `version`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `silences` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`cluster_id` integer,
	`matcher` text NOT NULL,
	`starts_at` integer NOT NULL,
	`ends_at` integer NOT NULL,
	`author` text NOT NULL,
	`reason` text NOT NULL,
	`created_at` integer NOT NULL,
	`settled_at` integer
);
--> statement-breakpoint
CREATE INDEX `silences_by_end` ON `silences` (`ends_at`);--> statement-breakpoint
CREATE TABLE `watches` (
	`cluster_id` integer NOT NULL,
	`rule` text NOT NULL,
	`subject` text NOT NULL,
	`node_id` integer NOT NULL,
	`about` text NOT NULL,
	`life` text NOT NULL,
	`anomaly_id` integer,
	`forget_at` integer,
	PRIMARY KEY(`cluster_id`, `rule`, `subject`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `watches_of_node` ON `watches` (`cluster_id`,`node_id`);--> statement-breakpoint
ALTER TABLE `upkeep` ADD `judged` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `upkeep` ADD `watched_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `upkeep` ADD `watched_since` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- What came before rules were there is history: nobody is to be told of it now.
UPDATE `upkeep` SET `judged` = (SELECT coalesce(max(`id`), 0) FROM `segments`);

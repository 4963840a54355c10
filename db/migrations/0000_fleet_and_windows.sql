CREATE TABLE `boots` (
	`id` integer PRIMARY KEY NOT NULL,
	`cluster_id` integer NOT NULL,
	`node_id` integer NOT NULL,
	`boot_id` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `boots_boot_id` ON `boots` (`cluster_id`,`node_id`,`boot_id`);--> statement-breakpoint
CREATE TABLE `clusters` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `clusters_name_unique` ON `clusters` (`name`);--> statement-breakpoint
CREATE TABLE `nodes` (
	`id` integer PRIMARY KEY NOT NULL,
	`cluster_id` integer NOT NULL,
	`name` text NOT NULL,
	`agent` text NOT NULL,
	`kernel` text NOT NULL,
	`addresses` text NOT NULL,
	`blind` text NOT NULL,
	`first_seen_at` integer NOT NULL,
	`described_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `nodes_in_cluster` ON `nodes` (`cluster_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `nodes_name` ON `nodes` (`cluster_id`,`name`);--> statement-breakpoint
CREATE TABLE `samples` (
	`cluster_id` integer NOT NULL,
	`tier` integer NOT NULL,
	`node_id` integer NOT NULL,
	`start` integer NOT NULL,
	`boot` integer NOT NULL,
	`sequence` integer NOT NULL,
	`end` integer NOT NULL,
	`received_at` integer,
	`source` text,
	`events` text,
	`interrupted` integer,
	`unreadable_lines` integer,
	`unreadable_samples` text,
	`count` integer,
	`max` integer,
	`buckets` integer,
	`taken_at` integer,
	`dump_ms` integer,
	`entries` integer,
	`ipv4` integer,
	`ipv6` integer,
	`tcp` integer,
	`udp` integer,
	`icmp` integer,
	`icmpv6` integer,
	`sctp` integer,
	`other_protocols` integer,
	`tcp_none` integer,
	`tcp_syn_sent` integer,
	`tcp_syn_recv` integer,
	`tcp_established` integer,
	`tcp_fin_wait` integer,
	`tcp_close_wait` integer,
	`tcp_last_ack` integer,
	`tcp_time_wait` integer,
	`tcp_close` integer,
	`tcp_syn_sent2` integer,
	`nat_none` integer,
	`nat_snat` integer,
	`nat_dnat` integer,
	`nat_both` integer,
	`unreplied` integer,
	`assured` integer,
	`offloaded` integer,
	`zones` text,
	PRIMARY KEY(`cluster_id`, `tier`, `node_id`, `start`, `boot`, `sequence`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `samples_identity` ON `samples` (`cluster_id`,`node_id`,`boot`,`sequence`) WHERE tier = 0;--> statement-breakpoint
CREATE TABLE `segments` (
	`cluster_id` integer NOT NULL,
	`tier` integer NOT NULL,
	`node_id` integer NOT NULL,
	`start` integer NOT NULL,
	`boot` integer NOT NULL,
	`sequence` integer NOT NULL,
	`end` integer NOT NULL,
	`data` blob NOT NULL,
	PRIMARY KEY(`cluster_id`, `tier`, `node_id`, `start`, `boot`, `sequence`)
);
--> statement-breakpoint
CREATE TABLE `tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`cluster_id` integer,
	`scope` text NOT NULL,
	`label` text,
	`hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`last_used_at` integer
) WITHOUT ROWID;

DROP INDEX `owners_of_node`;--> statement-breakpoint
CREATE INDEX `owners_of_node` ON `owners` (`cluster_id`,`node_id`,`until`);
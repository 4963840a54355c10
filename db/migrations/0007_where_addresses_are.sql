CREATE TABLE `node_addresses` (
	`cluster_id` integer NOT NULL,
	`address` text NOT NULL,
	`node_id` integer NOT NULL,
	`own` integer NOT NULL,
	`nat` integer NOT NULL,
	`since` integer NOT NULL,
	`until` integer NOT NULL,
	PRIMARY KEY(`cluster_id`, `address`, `node_id`)
) WITHOUT ROWID;
--> statement-breakpoint
-- Of windows stored before: where the node's own addresses are now, they were all the time.
INSERT OR IGNORE INTO `node_addresses`
SELECT n.`cluster_id`, a.value, n.`id`, 1, 0,
  (SELECT min(`start`) FROM `samples` WHERE `cluster_id` = n.`cluster_id` AND `tier` = 0 AND `node_id` = n.`id`) / 3600000 * 3600000,
  (SELECT max(`start`) FROM `samples` WHERE `cluster_id` = n.`cluster_id` AND `tier` = 0 AND `node_id` = n.`id`) / 3600000 * 3600000 + 7200000
FROM `nodes` n, json_each(n.`addresses`) a
WHERE EXISTS (SELECT 1 FROM `samples` WHERE `cluster_id` = n.`cluster_id` AND `tier` = 0 AND `node_id` = n.`id`)
  AND a.value NOT LIKE '127.%' AND a.value NOT LIKE '169.254.%';

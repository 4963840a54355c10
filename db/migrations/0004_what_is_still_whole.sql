ALTER TABLE `upkeep` ADD `windows_from` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `upkeep` ADD `minutes_from` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `upkeep` ADD `ten_minutes_from` integer DEFAULT 0 NOT NULL;
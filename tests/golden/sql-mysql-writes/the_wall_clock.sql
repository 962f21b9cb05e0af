-- the write
UPDATE `public`.`orders` AS `r` SET `r`.`wall` = ?, `r`.`ready_at` = ?
WHERE
  `r`.`id` = ?;
-- ? 1: {"nativeType":"timestamp without time zone","type":"datetime","param":"preferred_time","timeZone":"America/Toronto"}
-- ? 2: {"nativeType":"timestamp with time zone","type":"datetime","param":"ready_at","zoned":true}
-- ? 3: {"nativeType":"integer","type":"integer","param":"id"}
-- reading it back
SELECT
  `r`.`id`
FROM `public`.`orders` AS `r`
WHERE
  `r`.`id` = ?
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"id"}
-- finding out whether it is written
SELECT
  `r`.`id`,
  `r`.`wall`,
  `r`.`ready_at`
FROM `public`.`orders` AS `r`
WHERE
  `r`.`id` = ? AND `r`.`wall` = ? AND `r`.`ready_at` = ?
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"id"}
-- ? 2: {"nativeType":"timestamp without time zone","type":"datetime","param":"preferred_time","timeZone":"America/Toronto"}
-- ? 3: {"nativeType":"timestamp with time zone","type":"datetime","param":"ready_at","zoned":true}
-- one of: nothing

-- the write
UPDATE `public`.`lines` AS `r` SET `r`.`amount` = ?
WHERE
  `r`.`order_id` = ? AND `r`.`line` = ?;
-- ? 1: {"nativeType":"integer","type":"integer","param":"amount"}
-- ? 2: {"nativeType":"integer","type":"integer","param":"order_id"}
-- ? 3: {"nativeType":"integer","type":"integer","param":"line"}
-- reading it back
SELECT
  `r`.`order_id`,
  `r`.`line`
FROM `public`.`lines` AS `r`
WHERE
  `r`.`order_id` = ? AND `r`.`line` = ?
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"order_id"}
-- ? 2: {"nativeType":"integer","type":"integer","param":"line"}
-- finding out whether it is written
SELECT
  `r`.`order_id`,
  `r`.`line`,
  `r`.`amount`
FROM `public`.`lines` AS `r`
WHERE
  `r`.`order_id` = ? AND `r`.`line` = ? AND `r`.`amount` = ?
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"order_id"}
-- ? 2: {"nativeType":"integer","type":"integer","param":"line"}
-- ? 3: {"nativeType":"integer","type":"integer","param":"amount"}
-- one of: nothing

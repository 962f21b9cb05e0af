-- the write
UPDATE `public`.`orders` AS `r` SET `r`.`state` = ?, `r`.`changed_at` = ?, `r`.`note` = COALESCE(?, `r`.`note`)
WHERE
  `r`.`number` = ? AND `r`.`customer_id` = ?;
-- ? 1: {"nativeType":"order_state","type":"enum","param":"state"}
-- ? 2: {"nativeType":"timestamp with time zone","type":"datetime","now":true,"zoned":true}
-- ? 3: {"nativeType":"text","type":"string","param":"note"}
-- ? 4: {"nativeType":"varchar(20)","type":"string","param":"order_number"}
-- ? 5: {"nativeType":"integer","type":"integer","param":"customer_id"}
-- reading it back
SELECT
  `r`.`state` AS `state`,
  `r`.`number`,
  `r`.`customer_id`
FROM `public`.`orders` AS `r`
WHERE
  `r`.`number` = ?
LIMIT 2;
-- ? 1: {"nativeType":"varchar(20)","type":"string","param":"order_number"}
-- finding out whether it is written
SELECT
  `r`.`state` AS `state`,
  `r`.`number`,
  `r`.`note`
FROM `public`.`orders` AS `r`
WHERE
  (
    `r`.`number` = ?
    AND CAST(`r`.`number` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin = ?
  )
  AND `r`.`state` = ?
  AND (
    `r`.`note` = ?
    AND CAST(`r`.`note` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin = ?
    OR ? IS NULL
  )
LIMIT 2;
-- ? 1: {"nativeType":"varchar(20)","type":"string","param":"order_number"}
-- ? 2: {"nativeType":"varchar(20)","type":"string","param":"order_number"}
-- ? 3: {"nativeType":"order_state","type":"enum","param":"state"}
-- ? 4: {"nativeType":"text","type":"string","param":"note"}
-- ? 5: {"nativeType":"text","type":"string","param":"note"}
-- ? 6: {"nativeType":"text","type":"string","param":"note"}
-- one of: nothing

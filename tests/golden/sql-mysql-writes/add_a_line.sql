-- the write
INSERT INTO `public`.`lines` (
  `order_id`,
  `line`,
  `sku`
)
VALUES
  (?, ?, ?);
-- ? 1: {"nativeType":"integer","type":"integer","param":"order_id"}
-- ? 2: {"nativeType":"integer","type":"integer","param":"line"}
-- ? 3: {"nativeType":"text","type":"string","param":"sku"}
-- reading it back
SELECT
  `r`.`sku` AS `sku`,
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
  `r`.`sku` AS `sku`,
  `r`.`order_id`,
  `r`.`line`
FROM `public`.`lines` AS `r`
WHERE
  `r`.`order_id` = ?
  AND `r`.`line` = ?
  AND (
    `r`.`sku` = ?
    AND CAST(`r`.`sku` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin = ?
    OR ? IS NULL
  )
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"order_id"}
-- ? 2: {"nativeType":"integer","type":"integer","param":"line"}
-- ? 3: {"nativeType":"text","type":"string","param":"sku"}
-- ? 4: {"nativeType":"text","type":"string","param":"sku"}
-- ? 5: {"nativeType":"text","type":"string","param":"sku"}
-- one of: nothing

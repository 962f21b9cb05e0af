-- the write
UPDATE `public`.`orders` AS `r` SET `r`.`total` = COALESCE(?, `r`.`total`), `r`.`note` = COALESCE(?, `r`.`note`)
WHERE
  `r`.`id` = ? AND `r`.`state` = ?;
-- ? 1: {"nativeType":"numeric(10,2)","type":"decimal","param":"total"}
-- ? 2: {"nativeType":"text","type":"string","param":"note"}
-- ? 3: {"nativeType":"integer","type":"integer","param":"id"}
-- ? 4: {"nativeType":"order_state","type":"enum","value":"open"}
-- reading it back
SELECT
  `r`.`id` AS `id`,
  `r`.`state`
FROM `public`.`orders` AS `r`
WHERE
  `r`.`id` = ?
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"id"}
-- finding out whether it is written
SELECT
  `r`.`id` AS `id`,
  `r`.`total`,
  `r`.`note`
FROM `public`.`orders` AS `r`
WHERE
  `r`.`id` = ?
  AND (
    `r`.`total` = ? OR ? IS NULL
  )
  AND (
    `r`.`note` = ?
    AND CAST(`r`.`note` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin = ?
    OR ? IS NULL
  )
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"id"}
-- ? 2: {"nativeType":"numeric(10,2)","type":"decimal","param":"total"}
-- ? 3: {"nativeType":"numeric(10,2)","type":"decimal","param":"total"}
-- ? 4: {"nativeType":"text","type":"string","param":"note"}
-- ? 5: {"nativeType":"text","type":"string","param":"note"}
-- ? 6: {"nativeType":"text","type":"string","param":"note"}
-- one of: total, note

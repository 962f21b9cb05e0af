-- the write
UPDATE `public`.`customers` AS `r` SET `r`.`email` = ?
WHERE
  `r`.`id` = ? AND `r`.`phone` IN (?);
-- ? 1: {"nativeType":"varchar(80)","type":"string","param":"email"}
-- ? 2: {"nativeType":"integer","type":"integer","param":"id"}
-- ? 3: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- reading it back
SELECT
  `r`.`id`,
  `r`.`phone`
FROM `public`.`customers` AS `r`
WHERE
  `r`.`id` = ?
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"id"}
-- finding out whether it is written
SELECT
  `r`.`id`,
  `r`.`email`
FROM `public`.`customers` AS `r`
WHERE
  `r`.`id` = ?
  AND (
    `r`.`email` = ?
    AND CAST(`r`.`email` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin = ?
  )
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","param":"id"}
-- ? 2: {"nativeType":"varchar(80)","type":"string","param":"email"}
-- ? 3: {"nativeType":"varchar(80)","type":"string","param":"email"}
-- one of: nothing

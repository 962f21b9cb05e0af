SELECT
  `r`.`id` AS `number`,
  `r`.`email`,
  `r`.`name`
FROM `shop`.`customers` AS `r`
WHERE
  (
    `r`.`email` IN (?)
    AND CAST(`r`.`email` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin IN (?)
    OR COALESCE(?) IS NULL
  )
  AND (
    `r`.`name` = ?
    AND CAST(`r`.`name` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin = ?
  )
LIMIT 6;
-- ? 1: {"nativeType":"varchar(80)","type":"string","param":"email","many":true}
-- ? 2: {"nativeType":"varchar(80)","type":"string","param":"email","many":true}
-- ? 3: {"nativeType":"varchar(80)","type":"string","param":"email","many":true}
-- ? 4: {"nativeType":"varchar(80)","type":"string","param":"verified_name"}
-- ? 5: {"nativeType":"varchar(80)","type":"string","param":"verified_name"}

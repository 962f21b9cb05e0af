SELECT
  `j1`.`name` AS `who`,
  `r`.`starts_at` AS `starts`,
  `j1`.`email`
FROM `shop`.`appointments` AS `r`
LEFT JOIN `shop`.`customers` AS `j1`
  ON `r`.`customer_id` = `j1`.`id`
WHERE
  `j1`.`email` IN (?)
  AND CAST(`j1`.`email` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin IN (?)
ORDER BY
  `r`.`id` ASC
LIMIT 6;
-- ? 1: {"nativeType":"varchar(80)","type":"string","param":"mail","many":true}
-- ? 2: {"nativeType":"varchar(80)","type":"string","param":"mail","many":true}

SELECT
  `r`.`starts_at` AS `appointment_time`,
  `r`.`status` AS `appointment_status`,
  `r`.`phone`,
  `j1`.`email`
FROM `shop`.`appointments` AS `r`
LEFT JOIN `shop`.`customers` AS `j1`
  ON `r`.`customer_id` = `j1`.`id`
WHERE
  `r`.`phone` IN (?)
  AND (
    `r`.`status` = ? OR ? IS NULL
  )
  AND (
    `j1`.`email` IN (?)
    AND CAST(`j1`.`email` AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin IN (?)
    OR COALESCE(?) IS NULL
  )
ORDER BY
  `r`.`id` ASC
LIMIT 6;
-- ? 1: {"nativeType":"varchar(40)","type":"string","param":"phone","many":true}
-- ? 2: {"nativeType":"enum","type":"enum","param":"state"}
-- ? 3: {"nativeType":"enum","type":"enum","param":"state"}
-- ? 4: {"nativeType":"varchar(80)","type":"string","param":"mail","many":true}
-- ? 5: {"nativeType":"varchar(80)","type":"string","param":"mail","many":true}
-- ? 6: {"nativeType":"varchar(80)","type":"string","param":"mail","many":true}

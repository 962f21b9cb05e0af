SELECT
  `r`.`starts_at` AS `appointment_time`,
  `r`.`status` AS `appointment_status`,
  `r`.`phone`,
  `r`.`id`
FROM `shop`.`appointments` AS `r`
WHERE
  (
    `r`.`phone` IN (?) OR COALESCE(?) IS NULL
  )
  AND (
    `r`.`id` = ? OR ? IS NULL
  )
  AND (
    NOT COALESCE(?) IS NULL OR NOT ? IS NULL
  )
LIMIT 6;
-- ? 1: {"nativeType":"varchar(40)","type":"string","param":"phone","many":true}
-- ? 2: {"nativeType":"varchar(40)","type":"string","param":"phone","many":true}
-- ? 3: {"nativeType":"bigint unsigned","type":"integer","param":"number"}
-- ? 4: {"nativeType":"bigint unsigned","type":"integer","param":"number"}
-- ? 5: {"nativeType":"varchar(40)","type":"string","param":"phone","many":true}
-- ? 6: {"nativeType":"bigint unsigned","type":"integer","param":"number"}

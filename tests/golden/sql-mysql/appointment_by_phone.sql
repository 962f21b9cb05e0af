SELECT
  `r`.`starts_at` AS `appointment_time`,
  `r`.`status` AS `appointment_status`,
  `r`.`phone`
FROM `shop`.`appointments` AS `r`
WHERE
  `r`.`phone` IN (?)
ORDER BY
  `r`.`id` ASC
LIMIT 6;
-- ? 1: {"nativeType":"varchar(40)","type":"string","param":"caller_phone","many":true}

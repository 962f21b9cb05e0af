SELECT
  `r`.`starts_at` AS `appointment_time`,
  `r`.`status` AS `appointment_status`,
  `r`.`customer_id`
FROM `shop`.`appointments` AS `r`
WHERE
  `r`.`customer_id` = ? AND `r`.`starts_at` >= ?
ORDER BY
  `r`.`starts_at` ASC,
  `r`.`id` ASC
LIMIT 1;
-- ? 1: {"nativeType":"int unsigned","type":"integer","param":"who"}
-- ? 2: {"nativeType":"timestamp","type":"datetime","now":true,"zoned":true}

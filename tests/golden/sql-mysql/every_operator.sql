SELECT
  `r`.`starts_at` AS `appointment_time`,
  `r`.`status` AS `appointment_status`,
  `r`.`phone`,
  `r`.`fee`,
  `r`.`paid`,
  `r`.`customer_id`,
  `r`.`wall_time`
FROM `shop`.`appointments` AS `r`
WHERE
  `r`.`phone` IN (?)
  AND `r`.`fee` > ?
  AND `r`.`fee` <= ?
  AND `r`.`paid` = ?
  AND NOT (
    `r`.`status` <=> ?
  )
  AND `r`.`note` IS NULL
  AND NOT `r`.`customer_id` IS NULL
  AND `r`.`customer_id` IN (?)
  AND `r`.`wall_time` < ?
ORDER BY
  `r`.`id` ASC
LIMIT 6;
-- ? 1: {"nativeType":"varchar(40)","type":"string","param":"caller_phone","many":true}
-- ? 2: {"nativeType":"decimal(10,2)","type":"decimal","value":"10.5"}
-- ? 3: {"nativeType":"decimal(10,2)","type":"decimal","value":"100"}
-- ? 4: {"nativeType":"tinyint(1)","type":"boolean","value":false}
-- ? 5: {"nativeType":"enum","type":"enum","value":"cancelled"}
-- ? 6: {"nativeType":"int unsigned","type":"integer","value":[1,2],"many":true}
-- ? 7: {"nativeType":"datetime(3)","type":"datetime","value":"2029-12-31T19:00:00-05:00","timeZone":"America/Toronto"}

SELECT
  `r`.`name` AS `name`,
  (
    SELECT
      CONCAT(
        COUNT(`l2`.`id`),
        ':',
        COALESCE(
          GROUP_CONCAT(COALESCE(HEX(CAST(`l2`.`wall_time` AS CHAR CHARACTER SET utf8mb4)), '-') ORDER BY `l2`.`id` DESC SEPARATOR ';'),
          ''
        )
      )
    FROM `shop`.`appointments` AS `l2`
    WHERE
      `r`.`id` = `l2`.`customer_id`
      AND `l2`.`id` >= COALESCE(
        (
          SELECT
            `l1`.`id`
          FROM `shop`.`appointments` AS `l1`
          WHERE
            `r`.`id` = `l1`.`customer_id`
          ORDER BY
            `l1`.`id` DESC
          LIMIT 1
          OFFSET 20
        ),
        `l2`.`id`
      )
  ) AS `times`,
  `r`.`phone`,
  (
    SELECT
      `l3`.`wall_time`
    FROM `shop`.`appointments` AS `l3`
    WHERE
      `r`.`id` = `l3`.`customer_id`
    ORDER BY
      `l3`.`id` DESC
    LIMIT 1
  )
FROM `shop`.`customers` AS `r`
WHERE
  `r`.`phone` IN (?)
LIMIT 6;
-- ? 1: {"nativeType":"varchar(40)","type":"string","param":"caller_phone","many":true}

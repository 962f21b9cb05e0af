-- the write
INSERT INTO `public`.`customers` (
  `name`,
  `phone`,
  `email`
)
VALUES
  (?, ?, ?);
-- ? 1: {"nativeType":"text","type":"string","param":"name"}
-- ? 2: {"nativeType":"text","type":"string","param":"caller_phone"}
-- ? 3: {"nativeType":"varchar(80)","type":"string","param":"email"}
-- reading it back
SELECT
  `r`.`id` AS `id`,
  `r`.`name` AS `customer_name`
FROM `public`.`customers` AS `r`
WHERE
  `r`.`id` = ?
LIMIT 2;
-- ? 1: {"nativeType":"integer","type":"integer","made":true}
-- one of: nothing

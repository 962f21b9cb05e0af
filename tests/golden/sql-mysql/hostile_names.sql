SELECT
  `r`.`Id Col` AS `id`,
  `r`.`a?b` AS `asked`,
  `r`.`back``tick\` AS `tick`,
  `r`.`select`
FROM `Odd``One`.`we``ird?
table` AS `r`
WHERE
  `r`.`select` = ? AND (
    `r`.`a?b` = ? OR ? IS NULL
  )
ORDER BY
  `r`.`Id Col` ASC
LIMIT 6;
-- ? 1: {"nativeType":"int","type":"integer","param":"number"}
-- ? 2: {"nativeType":"varchar(20)","type":"string","param":"asked"}
-- ? 3: {"nativeType":"varchar(20)","type":"string","param":"asked"}

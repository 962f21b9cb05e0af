SELECT
  "r"."Id Col" AS "id",
  "r"."a.b" AS "dotted",
  "r"."ünï;--" AS "odd",
  "r"."data" AS "data",
  "j1"."name" AS "customer"
FROM "Odd.One"."We""ird
Table" AS "r"
LEFT JOIN "public"."customers" AS "j1"
  ON "r"."select" = "j1"."id"
WHERE
  "r"."select" = CAST($1 AS INT)
  AND (
    "r"."a.b" = CAST($2 AS TEXT) OR CAST($2 AS TEXT) IS NULL
  )
ORDER BY
  "r"."Id Col" ASC
LIMIT 6;
-- $1: {"nativeType":"integer","type":"integer","param":"number"}
-- $2: {"nativeType":"text","type":"string","param":"dotted"}

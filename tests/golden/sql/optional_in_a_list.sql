SELECT
  "r"."name" AS "name"
FROM "public"."products" AS "r"
WHERE
  (
    "r"."category" = CAST($1 AS TEXT) OR CAST($1 AS TEXT) IS NULL
  )
ORDER BY
  "r"."name" ASC,
  "r"."id" ASC
LIMIT 10;
-- $1: {"nativeType":"text","type":"string","param":"category"}

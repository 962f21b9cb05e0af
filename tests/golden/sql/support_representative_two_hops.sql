SELECT
  "r"."name" AS "name",
  "r"."email" AS "email",
  "j1"."name" AS "region"
FROM "public"."customers" AS "r"
LEFT JOIN "public"."regions" AS "j1"
  ON "r"."country" = "j1"."country" AND "r"."region_code" = "j1"."code"
WHERE
  "r"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}

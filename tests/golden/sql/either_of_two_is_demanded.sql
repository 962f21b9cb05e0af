SELECT
  "r"."name" AS "name"
FROM "public"."customers" AS "r"
WHERE
  (
    "r"."phone" = ANY(
      CAST($1 AS TEXT[])
    ) OR CAST($1 AS TEXT[]) IS NULL
  )
  AND (
    "r"."email" = ANY(
      CAST($2 AS VARCHAR[])
    ) OR CAST($2 AS VARCHAR[]) IS NULL
  )
  AND (
    NOT CAST($1 AS TEXT[]) IS NULL OR NOT CAST($2 AS VARCHAR[]) IS NULL
  )
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- $2: {"nativeType":"character varying(80)","type":"string","param":"caller_email","many":true}

-- the write
UPDATE "public"."customers" AS "r" SET "email" = CAST($1 AS VARCHAR)
WHERE
  "r"."id" = CAST($2 AS INT) AND "r"."phone" = ANY(
    CAST($3 AS TEXT[])
  );
-- $1: {"nativeType":"varchar(80)","type":"string","param":"email"}
-- $2: {"nativeType":"integer","type":"integer","param":"id"}
-- $3: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- finding out whether it is written
SELECT
  "r"."id"
FROM "public"."customers" AS "r"
WHERE
  "r"."id" = CAST($1 AS INT) AND "r"."email" = CAST($2 AS VARCHAR)
LIMIT 2;
-- $1: {"nativeType":"integer","type":"integer","param":"id"}
-- $2: {"nativeType":"varchar(80)","type":"string","param":"email"}
-- one of: nothing

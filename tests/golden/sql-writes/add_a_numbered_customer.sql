-- the write
INSERT INTO "public"."customers" AS "r" (
  "name",
  "phone",
  "email"
)
VALUES
  (CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS VARCHAR))
RETURNING "r"."id" AS "id", "r"."name" AS "customer_name";
-- $1: {"nativeType":"text","type":"string","param":"name"}
-- $2: {"nativeType":"text","type":"string","param":"caller_phone"}
-- $3: {"nativeType":"varchar(80)","type":"string","param":"email"}
-- one of: nothing

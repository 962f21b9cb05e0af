-- the write
UPDATE "public"."lines" AS "r" SET "amount" = CAST($1 AS INT)
WHERE
  "r"."order_id" = CAST($2 AS INT) AND "r"."line" = CAST($3 AS INT);
-- $1: {"nativeType":"integer","type":"integer","param":"amount"}
-- $2: {"nativeType":"integer","type":"integer","param":"order_id"}
-- $3: {"nativeType":"integer","type":"integer","param":"line"}
-- finding out whether it is written
SELECT
  "r"."order_id"
FROM "public"."lines" AS "r"
WHERE
  "r"."order_id" = CAST($1 AS INT)
  AND "r"."line" = CAST($2 AS INT)
  AND "r"."amount" = CAST($3 AS INT)
LIMIT 2;
-- $1: {"nativeType":"integer","type":"integer","param":"order_id"}
-- $2: {"nativeType":"integer","type":"integer","param":"line"}
-- $3: {"nativeType":"integer","type":"integer","param":"amount"}
-- one of: nothing

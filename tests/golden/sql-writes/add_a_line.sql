-- the write
INSERT INTO "public"."lines" AS "r" (
  "order_id",
  "line",
  "sku"
)
VALUES
  (CAST($1 AS INT), CAST($2 AS INT), CAST($3 AS TEXT))
RETURNING "r"."sku" AS "sku";
-- $1: {"nativeType":"integer","type":"integer","param":"order_id"}
-- $2: {"nativeType":"integer","type":"integer","param":"line"}
-- $3: {"nativeType":"text","type":"string","param":"sku"}
-- finding out whether it is written
SELECT
  "r"."sku" AS "sku"
FROM "public"."lines" AS "r"
WHERE
  "r"."order_id" = CAST($1 AS INT)
  AND "r"."line" = CAST($2 AS INT)
  AND (
    "r"."sku" = CAST($3 AS TEXT) OR CAST($3 AS TEXT) IS NULL
  )
LIMIT 2;
-- $1: {"nativeType":"integer","type":"integer","param":"order_id"}
-- $2: {"nativeType":"integer","type":"integer","param":"line"}
-- $3: {"nativeType":"text","type":"string","param":"sku"}
-- one of: nothing

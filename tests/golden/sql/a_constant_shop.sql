SELECT
  "r"."total" AS "total"
FROM "public"."orders" AS "r"
WHERE
  "r"."order_number" = CAST($1 AS TEXT) AND "r"."total" = CAST($2 AS DECIMAL)
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"order_number"}
-- $2: {"nativeType":"numeric(10,2)","type":"decimal","param":"total"}

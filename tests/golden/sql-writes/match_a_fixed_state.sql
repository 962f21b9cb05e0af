-- the write
UPDATE "public"."orders" AS "r" SET "total" = COALESCE(CAST($1 AS DECIMAL), "r"."total"), "note" = COALESCE(CAST($2 AS TEXT), "r"."note")
WHERE
  "r"."id" = CAST($3 AS INT) AND "r"."state" = $4
RETURNING "r"."id" AS "id";
-- $1: {"nativeType":"numeric(10,2)","type":"decimal","param":"total"}
-- $2: {"nativeType":"text","type":"string","param":"note"}
-- $3: {"nativeType":"integer","type":"integer","param":"id"}
-- $4: {"nativeType":"order_state","type":"enum","value":"open"}
-- finding out whether it is written
SELECT
  "r"."id" AS "id"
FROM "public"."orders" AS "r"
WHERE
  "r"."id" = CAST($1 AS INT)
  AND (
    "r"."total" = CAST($2 AS DECIMAL) OR CAST($2 AS DECIMAL) IS NULL
  )
  AND (
    "r"."note" = CAST($3 AS TEXT) OR CAST($3 AS TEXT) IS NULL
  )
LIMIT 2;
-- $1: {"nativeType":"integer","type":"integer","param":"id"}
-- $2: {"nativeType":"numeric(10,2)","type":"decimal","param":"total"}
-- $3: {"nativeType":"text","type":"string","param":"note"}
-- one of: total, note

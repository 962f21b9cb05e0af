-- the write
UPDATE "public"."orders" AS "r" SET "state" = $1, "changed_at" = CAST($2 AS TIMESTAMPTZ), "note" = COALESCE(CAST($3 AS TEXT), "r"."note")
WHERE
  "r"."number" = CAST($4 AS VARCHAR) AND "r"."customer_id" = CAST($5 AS INT)
RETURNING "r"."state" AS "state";
-- $1: {"nativeType":"order_state","type":"enum","param":"state"}
-- $2: {"nativeType":"timestamp with time zone","type":"datetime","now":true,"zoned":true}
-- $3: {"nativeType":"text","type":"string","param":"note"}
-- $4: {"nativeType":"varchar(20)","type":"string","param":"order_number"}
-- $5: {"nativeType":"integer","type":"integer","param":"customer_id"}
-- finding out whether it is written
SELECT
  "r"."state" AS "state"
FROM "public"."orders" AS "r"
WHERE
  "r"."number" = CAST($1 AS VARCHAR)
  AND "r"."state" = $2
  AND (
    "r"."note" = CAST($3 AS TEXT) OR CAST($3 AS TEXT) IS NULL
  )
LIMIT 2;
-- $1: {"nativeType":"varchar(20)","type":"string","param":"order_number"}
-- $2: {"nativeType":"order_state","type":"enum","param":"state"}
-- $3: {"nativeType":"text","type":"string","param":"note"}
-- one of: nothing

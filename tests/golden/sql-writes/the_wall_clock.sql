-- the write
UPDATE "public"."orders" AS "r" SET "wall" = CAST($1 AS TIMESTAMP), "ready_at" = CAST($2 AS TIMESTAMPTZ)
WHERE
  "r"."id" = CAST($3 AS INT);
-- $1: {"nativeType":"timestamp without time zone","type":"datetime","param":"preferred_time","timeZone":"America/Toronto"}
-- $2: {"nativeType":"timestamp with time zone","type":"datetime","param":"ready_at","zoned":true}
-- $3: {"nativeType":"integer","type":"integer","param":"id"}
-- finding out whether it is written
SELECT
  "r"."id"
FROM "public"."orders" AS "r"
WHERE
  "r"."id" = CAST($1 AS INT)
  AND "r"."wall" = CAST($2 AS TIMESTAMP)
  AND "r"."ready_at" = CAST($3 AS TIMESTAMPTZ)
LIMIT 2;
-- $1: {"nativeType":"integer","type":"integer","param":"id"}
-- $2: {"nativeType":"timestamp without time zone","type":"datetime","param":"preferred_time","timeZone":"America/Toronto"}
-- $3: {"nativeType":"timestamp with time zone","type":"datetime","param":"ready_at","zoned":true}
-- one of: nothing

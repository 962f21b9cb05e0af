SELECT
  "r"."starts_at" AS "starts"
FROM "public"."appointments" AS "r"
WHERE
  "r"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
  AND "r"."starts_at" >= CAST($2 AS TIMESTAMPTZ)
  AND "r"."starts_at" < CAST($3 AS TIMESTAMPTZ)
  AND (
    "r"."fee" = ANY(
      CAST($4 AS DECIMAL[])
    ) OR CAST($4 AS DECIMAL[]) IS NULL
  )
ORDER BY
  "r"."id" ASC
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- $2: {"nativeType":"timestamp with time zone","type":"datetime","now":{"startOf":"day"},"zoned":true}
-- $3: {"nativeType":"timestamp with time zone","type":"datetime","now":{"startOf":"day","offset":"P1D"},"zoned":true}
-- $4: {"nativeType":"numeric(10,2)","type":"decimal","param":"fees","many":true}

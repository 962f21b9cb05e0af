SELECT
  "r"."starts_at" AS "starts_at",
  "j1"."name" AS "customer",
  "j2"."name" AS "region"
FROM "public"."appointments" AS "r"
LEFT JOIN "public"."customers" AS "j1"
  ON "r"."customer_id" = "j1"."id"
LEFT JOIN "public"."regions" AS "j2"
  ON "j1"."country" = "j2"."country" AND "j1"."region_code" = "j2"."code"
WHERE
  "j1"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
  AND "r"."starts_at" >= CAST($2 AS TIMESTAMPTZ)
  AND "r"."status" = ANY(
    $3
  )
ORDER BY
  "r"."starts_at" ASC,
  "r"."id" ASC
LIMIT 1;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- $2: {"nativeType":"timestamp with time zone","type":"datetime","now":true,"zoned":true}
-- $3: {"nativeType":"booking_status","type":"enum","value":["open"],"many":true}

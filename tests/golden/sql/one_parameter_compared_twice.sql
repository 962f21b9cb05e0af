SELECT
  "r"."starts_at" AS "appointment_time",
  "r"."status" AS "appointment_status"
FROM "public"."appointments" AS "r"
LEFT JOIN "public"."customers" AS "j1"
  ON "r"."customer_id" = "j1"."id"
WHERE
  "r"."starts_at" >= CAST($1 AS TIMESTAMPTZ)
  AND "r"."starts_at" IS DISTINCT FROM CAST($1 AS TIMESTAMPTZ)
  AND "j1"."phone" = ANY(
    CAST($2 AS TEXT[])
  )
ORDER BY
  "r"."id" ASC
LIMIT 6;
-- $1: {"nativeType":"timestamp with time zone","type":"datetime","param":"moment","zoned":true}
-- $2: {"nativeType":"text","type":"string","param":"caller_phone","many":true}

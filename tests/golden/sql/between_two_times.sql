SELECT
  "r"."starts_at" AS "appointment_time",
  "r"."status" AS "appointment_status"
FROM "public"."appointments" AS "r"
LEFT JOIN "public"."customers" AS "j1"
  ON "r"."customer_id" = "j1"."id"
WHERE
  "r"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
  AND (
    "r"."starts_at" >= CAST($2 AS TIMESTAMPTZ) OR CAST($2 AS TIMESTAMPTZ) IS NULL
  )
  AND "r"."wall_time" < CAST($3 AS TIMESTAMP)
ORDER BY
  "r"."wall_time" DESC NULLS LAST,
  "r"."starts_at" DESC,
  "j1"."name" DESC NULLS LAST,
  "r"."id" ASC
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- $2: {"nativeType":"timestamp with time zone","type":"datetime","param":"from_time","zoned":true}
-- $3: {"nativeType":"timestamp(3) without time zone","type":"datetime","param":"until","timeZone":"America/Toronto"}

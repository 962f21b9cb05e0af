SELECT
  "r"."starts_at" AS "appointment_time",
  "r"."status" AS "appointment_status"
FROM "public"."appointments" AS "r"
WHERE
  "r"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
  AND (
    "r"."status" = $2 OR $2 IS NULL
  )
ORDER BY
  "r"."id" ASC
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- $2: {"nativeType":"booking_status","type":"enum","param":"status"}

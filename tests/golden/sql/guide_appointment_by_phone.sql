SELECT
  "r"."starts_at" AS "appointment_time",
  "r"."status" AS "appointment_status"
FROM "public"."appointments" AS "r"
WHERE
  "r"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
ORDER BY
  "r"."id" ASC
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}

SELECT
  "r"."starts_at" AS "appointment_time",
  "r"."status" AS "appointment_status"
FROM "public"."appointments" AS "r"
WHERE
  "r"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
  AND "r"."fee" > CAST($2 AS DECIMAL)
  AND "r"."fee" <= CAST($3 AS DECIMAL)
  AND "r"."paid" = CAST($4 AS BOOLEAN)
  AND "r"."status" IS DISTINCT FROM $5
  AND "r"."note" IS NULL
  AND NOT "r"."customer" IS NULL
  AND "r"."customer_id" = ANY(
    CAST($6 AS INT[])
  )
  AND "r"."starts_at" < CAST($7 AS TIMESTAMPTZ)
ORDER BY
  "r"."id" ASC
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}
-- $2: {"nativeType":"numeric(10,2)","type":"decimal","value":"10.5"}
-- $3: {"nativeType":"numeric(10,2)","type":"decimal","value":"100"}
-- $4: {"nativeType":"boolean","type":"boolean","value":false}
-- $5: {"nativeType":"booking_status","type":"enum","value":"cancelled"}
-- $6: {"nativeType":"integer","type":"integer","value":[1,2],"many":true}
-- $7: {"nativeType":"timestamp with time zone","type":"datetime","value":"2030-01-01T00:00:00+00:00","zoned":true}

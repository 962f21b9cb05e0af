SELECT
  "r"."name" AS "name",
  ARRAY(SELECT
    "l1"."starts_at"
  FROM "public"."appointments" AS "l1"
  WHERE
    "r"."id" = "l1"."customer_id"
  ORDER BY
    "l1"."id" DESC
  LIMIT 21) AS "starts",
  ARRAY(SELECT
    "l2j1"."name"
  FROM "public"."appointments" AS "l2"
  LEFT JOIN "public"."staff" AS "l2j1"
    ON "l2"."staff_ref" = "l2j1"."id"
  WHERE
    "r"."id" = "l2"."customer_id"
  ORDER BY
    "l2"."id" DESC
  LIMIT 21) AS "with_whom"
FROM "public"."customers" AS "r"
WHERE
  "r"."phone" = ANY(
    CAST($1 AS TEXT[])
  )
LIMIT 6;
-- $1: {"nativeType":"text","type":"string","param":"caller_phone","many":true}

SELECT
  "r"."day" AS "day",
  "r"."opens" AS "opens"
FROM "public"."opening_hours" AS "r"
ORDER BY
  "r"."opens" ASC
LIMIT 7;

-- Of two rules in force at once the later one counts.
WITH in_force AS (
  SELECT *, row_number() OVER (PARTITION BY kind, indicator ORDER BY valid_from DESC) AS nth
  FROM stg_score_rules
  WHERE is_in_force
)
SELECT
  code_sort('部门类别', kind) AS kind_order,
  kind,
  CASE indicator WHEN '按期办结率' THEN 1 WHEN '响应率' THEN 2 ELSE 3 END AS indicator_order,
  indicator,
  full_points,
  target_pct,
  points_per_pct,
  floor_points,
  valid_from,
  valid_to,
  source
FROM in_force
WHERE nth = 1
ORDER BY kind_order, kind, indicator_order

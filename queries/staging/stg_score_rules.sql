-- SORT is a keyword of the dialect.
SELECT
  kind,
  coalesce(rule_type, '比率') AS rule_type,
  CASE rule_type WHEN '扣分' THEN 2 WHEN '加分' THEN 3 WHEN '总分' THEN 4 ELSE 1 END AS rule_type_order,
  indicator,
  coalesce("sort", 1000) AS item_order,
  coalesce(measure, indicator) AS measure,
  full_points,
  target_pct,
  points_per_pct,
  floor_points,
  points_per_event,
  points_max,
  valid_from,
  valid_to,
  valid_from <= as_of_date() AND as_of_date() < valid_to AS is_in_force,
  source
FROM score_rules

-- Every current window ends on the as-of date.
SELECT
  code_sort('部门类别', kind) AS kind_order,
  kind,
  rule_type_order,
  rule_type,
  item_order,
  indicator,
  measure,
  full_points,
  target_pct,
  points_per_pct,
  floor_points,
  points_per_event,
  points_max,
  valid_from,
  valid_to,
  source
FROM score_rule_by_period
WHERE period_kind = 'year' AND period_window = 'current'
ORDER BY kind_order, kind, rule_type_order, item_order, indicator

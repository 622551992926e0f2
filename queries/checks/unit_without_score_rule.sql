-- Without its rule a rate earns nothing and leaves the full points: the score would be one of fewer rates. A rate that is not
-- asked of a kind has a row with 0 full points.
WITH rates AS (
  SELECT period_kind, period_window, kind, indicator FROM score_rule_by_period WHERE rule_type = '比率'
),
wanted AS (
  SELECT DISTINCT u.period_kind, u.period_window, u.kind, u.department_code, u.department, r.indicator
  FROM whistle_count_by_department_period AS u
  LEFT JOIN rates AS r ON r.period_kind = u.period_kind AND r.period_window = u.period_window
  WHERE u.row_level = 'unit' AND u.kind IS NOT NULL AND u.period_window = 'current'
)
SELECT w.period_kind, w.department_code, w.department, w.kind, w.indicator
FROM wanted AS w
LEFT ANTI JOIN rates AS r
  ON r.period_kind = w.period_kind
  AND r.period_window = w.period_window
  AND r.kind = w.kind
  AND r.indicator = w.indicator
ORDER BY w.period_kind, w.department_code, w.department, w.indicator

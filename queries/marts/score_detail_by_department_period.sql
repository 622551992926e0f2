-- The items of each score as they are printed: what each counts for in hundredths of a point, and what brings their sum to the
-- score, the bounds and the rounding. The total of a unit is its score.
WITH items AS (
  SELECT
    i.*,
    CASE i.rule_type
      WHEN '比率' THEN coalesce(round_half_up(s.score_full * rate(i.points, s.rate_full_points), 2), 0)
      WHEN '扣分' THEN 0 - round_half_up(i.points, 2)
      ELSE round_half_up(i.points, 2)
    END AS score_points
  FROM score_item_by_department_period AS i
  INNER JOIN score_by_department_period AS s
    ON s.period_kind = i.period_kind AND s.period_window = i.period_window AND s.department = i.department
  WHERE s.score IS NOT NULL
),
bounds AS (
  SELECT
    *,
    CASE
      WHEN unbounded_score < score_min THEN round_half_up(score_min - unbounded_score, 2)
      WHEN unbounded_score > score_max THEN round_half_up(score_max - unbounded_score, 2)
      ELSE 0
    END AS bound_points
  FROM score_by_department_period
  WHERE score IS NOT NULL
),
listed AS (
  SELECT period_kind, period_window, department, sum(score_points) AS item_points
  FROM items
  GROUP BY period_kind, period_window, department
),
totals AS (
  SELECT
    b.*,
    round_half_up(b.score - b.bound_points - l.item_points, 2) AS rounding_points
  FROM bounds AS b
  INNER JOIN listed AS l
    ON l.period_kind = b.period_kind AND l.period_window = b.period_window AND l.department = b.department
),
lines AS (
  SELECT
    period_kind, period_window, kind, department_code, department, 'item' AS row_level, rule_type_order, rule_type, item_order,
    indicator, measure, numerator, denominator, rate, target_pct, points_per_pct, full_points, floor_points, event_count,
    points_per_event, points_max, points, score_points
  FROM items
  UNION ALL
  SELECT
    period_kind, period_window, kind, department_code, department, 'item', 4, '调整', 1,
    '总分上下限', NULL, NULL, NULL, NULL, NULL, NULL, NULL, score_min, NULL,
    NULL, score_max, NULL, bound_points
  FROM totals
  WHERE bound_points <> 0
  UNION ALL
  SELECT
    period_kind, period_window, kind, department_code, department, 'item', 4, '调整', 2,
    '四舍五入', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, rounding_points
  FROM totals
  WHERE rounding_points <> 0
  UNION ALL
  SELECT
    period_kind, period_window, kind, department_code, department, 'total', 5, '合计', 1,
    '得分', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, score AS score_points
  FROM totals
)
SELECT
  p.period_kind,
  p.period_sort,
  p.period_name,
  p.period,
  p.period_window,
  p.window_sort,
  p.whole_month,
  code_sort('部门类别', l.kind) AS kind_sort,
  l.kind,
  l.department_code,
  l.department,
  l.row_level,
  l.rule_type_order,
  l.rule_type,
  l.item_order,
  l.indicator,
  l.measure,
  l.numerator,
  l.denominator,
  l.rate,
  l.target_pct,
  l.points_per_pct,
  l.full_points,
  l.floor_points,
  l.event_count,
  l.points_per_event,
  l.points_max,
  l.points,
  l.score_points
FROM lines AS l
INNER JOIN report_period AS p ON p.period_kind = l.period_kind AND p.period_window = l.period_window
ORDER BY p.period_sort, p.window_sort, kind_sort, l.department_code, l.department, l.rule_type_order, l.item_order, l.indicator

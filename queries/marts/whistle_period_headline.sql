-- The current window of whistle_by_period beside the two it is compared with. A closed month is compared with as it was
-- closed; where that would be something else now, the revised value stands beside it.
WITH revised AS (
  SELECT
    month,
    row_key AS level,
    max(revised_value) FILTER (WHERE column_name = 'reported_count') AS reported_count,
    max(revised_value) FILTER (WHERE column_name = 'closed_count') AS closed_count,
    max(revised_value) FILTER (WHERE column_name = 'on_time_rate') AS on_time_rate
  FROM closed_figure_revision
  WHERE view_name = 'whistle_by_period'
  GROUP BY month, row_key
)
SELECT
  c.period_kind,
  c.period_sort,
  c.period_name,
  c.period,
  p.period AS previous_label,
  y.period AS last_year_label,
  c.is_complete,
  c.start_date,
  c.end_date,
  c.level,
  c.level_sort,
  c.opening_count,
  c.reported_count,
  p.reported_count AS reported_count_previous,
  CAST(pr.reported_count AS BIGINT) AS reported_count_previous_revised,
  growth(c.reported_count, p.reported_count) AS reported_period_on_period_rate,
  y.reported_count AS reported_count_last_year,
  CAST(yr.reported_count AS BIGINT) AS reported_count_last_year_revised,
  growth(c.reported_count, y.reported_count) AS reported_year_on_year_rate,
  c.reported_closed_count,
  c.closing_rate_a,
  point_change(c.closing_rate_a, p.closing_rate_a) AS closing_a_period_on_period_points,
  point_change(c.closing_rate_a, y.closing_rate_a) AS closing_a_year_on_year_points,
  c.closed_count,
  p.closed_count AS closed_count_previous,
  CAST(pr.closed_count AS BIGINT) AS closed_count_previous_revised,
  growth(c.closed_count, p.closed_count) AS closed_period_on_period_rate,
  y.closed_count AS closed_count_last_year,
  CAST(yr.closed_count AS BIGINT) AS closed_count_last_year_revised,
  growth(c.closed_count, y.closed_count) AS closed_year_on_year_rate,
  c.closed_late_count,
  c.open_count,
  c.suspended_count,
  c.open_overdue_count,
  c.open_count - c.suspended_count - c.open_overdue_count AS open_not_due_count,
  c.identity_gap,
  c.due_count,
  c.due_closed_count,
  c.closing_rate_b,
  point_change(c.closing_rate_b, p.closing_rate_b) AS closing_b_period_on_period_points,
  c.due_on_time_count,
  c.due_late_count,
  c.on_time_rate,
  p.due_count AS due_count_previous,
  p.due_on_time_count AS due_on_time_count_previous,
  p.on_time_rate AS on_time_rate_previous,
  pr.on_time_rate AS on_time_rate_previous_revised,
  point_change(c.on_time_rate, p.on_time_rate) AS on_time_period_on_period_points,
  y.on_time_rate AS on_time_rate_last_year,
  yr.on_time_rate AS on_time_rate_last_year_revised,
  point_change(c.on_time_rate, y.on_time_rate) AS on_time_year_on_year_points,
  c.rated_count,
  c.satisfied_count,
  c.satisfaction_rate,
  point_change(c.satisfaction_rate, p.satisfaction_rate) AS satisfaction_period_on_period_points,
  point_change(c.satisfaction_rate, y.satisfaction_rate) AS satisfaction_year_on_year_points
FROM whistle_by_period AS c
LEFT JOIN whistle_by_period AS p
  ON p.period_window = 'previous' AND p.period_kind = c.period_kind AND p.level = c.level
LEFT JOIN whistle_by_period AS y
  ON y.period_window = 'last_year' AND y.period_kind = c.period_kind AND y.level = c.level
LEFT JOIN revised AS pr ON pr.month = p.whole_month AND pr.level = p.level
LEFT JOIN revised AS yr ON yr.month = y.whole_month AND yr.level = y.level
WHERE c.period_window = 'current'
ORDER BY c.period_sort, c.level_sort

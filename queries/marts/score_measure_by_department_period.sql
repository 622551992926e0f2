-- All that a rule can ask for. What comes from tasks is listed here; every 考核事项 is a measure by its own name.
WITH units AS (
  SELECT * FROM whistle_count_by_department_period WHERE row_level = 'unit'
)
SELECT
  period_kind, period_window, department, '按期办结率' AS measure, due_on_time_count AS numerator,
  due_count AS denominator, CAST(NULL AS BIGINT) AS event_count, CAST(NULL AS DOUBLE) AS event_points,
  0 AS unpointed_count
FROM units
UNION ALL
SELECT period_kind, period_window, department, '办结率', due_closed_count, due_count, NULL, NULL, 0
FROM units
UNION ALL
SELECT period_kind, period_window, department, '响应率', response_in_time_count, response_due_count, NULL, NULL, 0
FROM units
UNION ALL
SELECT period_kind, period_window, department, '到场率', arrival_in_time_count, arrival_due_count, NULL, NULL, 0
FROM units
UNION ALL
SELECT period_kind, period_window, department, '满意率', satisfied_count, rated_count, NULL, NULL, 0
FROM units
UNION ALL
SELECT
  period_kind, period_window, department, '超时签收', NULL, NULL, response_due_count - response_in_time_count, NULL, 0
FROM units
UNION ALL
SELECT
  period_kind, period_window, department, '超时到场', NULL, NULL, arrival_due_count - arrival_in_time_count, NULL, 0
FROM units
UNION ALL
SELECT period_kind, period_window, department, '超期', NULL, NULL, due_count - due_on_time_count, NULL, 0
FROM units
UNION ALL
SELECT period_kind, period_window, department, '返工', NULL, NULL, rework_count, NULL, 0
FROM units
UNION ALL
SELECT period_kind, period_window, department, '退单', NULL, NULL, returned_count, NULL, 0
FROM units
UNION ALL
SELECT
  p.period_kind, p.period_window, e.department, e.item, NULL, NULL, sum(e.event_count), sum(e.points),
  count(*) FILTER (WHERE e.points IS NULL)
FROM report_period AS p
INNER JOIN stg_score_events AS e ON e.event_date BETWEEN p.start_date AND p.end_date
GROUP BY p.period_kind, p.period_window, e.department, e.item

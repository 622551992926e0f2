-- The tasks behind due_late_count of whistle_by_department_period: limit within the period and not done by then, whether
-- done since or not. Numbers and units only: a title or an address may name a person.
-- Days late are days of the calendar from the limit to the closing or the as-of date; 0 is later on the same day.
WITH late AS (
  SELECT
    p.period_kind,
    p.period_sort,
    p.period_name,
    p.period,
    t.task_id,
    t.whistle_id,
    t.level,
    t.category,
    t.department,
    t.role,
    t.due_at,
    CASE WHEN t.is_closed THEN t.closed_at END AS closed_at,
    CASE WHEN t.is_closed THEN '超期办结' ELSE '超期未办结' END AS late_state,
    CASE WHEN t.is_closed THEN CAST(t.closed_at AS DATE) ELSE as_of_date() END - CAST(t.due_at AS DATE) AS days_late
  FROM report_period AS p
  INNER JOIN whistle_task_clock AS t ON t.due_at >= p.start_at AND t.due_at < p.end_at
  WHERE p.period_window = 'current' AND t.is_overdue
)
SELECT
  l.period_kind,
  l.period_sort,
  l.period_name,
  l.period,
  d.kind,
  d.department_code,
  l.department,
  l.whistle_id,
  l.task_id,
  l.level,
  l.category,
  l.role,
  l.due_at,
  l.closed_at,
  l.late_state,
  l.days_late,
  row_number() OVER (PARTITION BY l.period_kind ORDER BY l.days_late DESC, l.whistle_id, l.task_id) AS late_order
FROM late AS l
LEFT JOIN stg_departments AS d ON d.department = l.department
ORDER BY l.period_sort, late_order

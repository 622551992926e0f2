-- A step without a limit is never due and never late: its tasks are missing from 响应率 and 到场率.
SELECT
  category,
  level,
  count(*) FILTER (WHERE sign_due_at IS NULL) AS unlimited_sign_count,
  count(*) FILTER (WHERE arrival_due_at IS NULL) AS unlimited_arrival_count,
  min(dispatched_at) AS first_dispatched_at
FROM whistle_task_clock
WHERE NOT is_void AND NOT is_returned AND (sign_due_at IS NULL OR arrival_due_at IS NULL)
GROUP BY category, level
ORDER BY category, level

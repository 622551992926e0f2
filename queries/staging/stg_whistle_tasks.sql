-- Tasks sent up to the as-of date. A returned task is off its unit's clock.
WITH sent AS (
  SELECT
    *,
    coalesce(closed_at < as_of_end(), false) AS is_closed,
    coalesce(returned_at < as_of_end(), false) AS is_returned
  FROM whistle_tasks
  WHERE dispatched_at < as_of_end()
)
SELECT
  task_id,
  whistle_id,
  department,
  role,
  dispatched_at,
  responded_at,
  arrived_at,
  due_at,
  closed_at,
  returned_at,
  status,
  is_closed,
  is_returned,
  NOT is_closed AND NOT is_returned AS is_open,
  is_closed AND closed_at <= due_at AS is_on_time,
  NOT is_returned AND whistle_overdue(due_at, closed_at, NULL, NULL) AS is_overdue,
  hours_between(dispatched_at, responded_at) AS response_hours,
  CASE WHEN is_closed THEN hours_between(dispatched_at, closed_at) END AS handling_hours,
  updated_at,
  _batch_id,
  _line
FROM sent

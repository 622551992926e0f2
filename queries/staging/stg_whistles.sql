-- Whistles reported up to the as-of date. What happened after the date has not happened yet:
-- a closing time past it leaves the whistle open. 已作废 leaves every rate.
-- 挂账 stops the clock from its date until work goes on again; where no date was delivered, the status says so.
WITH reported AS (
  SELECT
    *,
    status = '已作废' AS is_void,
    coalesce(closed_at < as_of_end(), false) AS is_closed,
    CASE
      WHEN suspended_at IS NULL THEN status = '挂账'
      ELSE suspended_at < as_of_end() AND NOT coalesce(resumed_at >= suspended_at AND resumed_at < as_of_end(), false)
    END AS is_standing
  FROM whistles
  WHERE reported_at < as_of_end()
),
standing AS (
  SELECT
    *,
    is_standing AND NOT is_closed AS is_suspended
  FROM reported
)
SELECT
  whistle_id,
  level,
  source,
  category,
  title,
  grid_code,
  address,
  reported_at,
  CAST(reported_at AS DATE) AS reported_date,
  accepted_at,
  dispatched_at,
  responded_at,
  due_at,
  extended_to,
  suspended_at,
  resumed_at,
  closed_at,
  settled_at,
  department,
  status,
  is_void,
  is_suspended,
  is_closed,
  coalesce(settled_at < as_of_end(), false) AS is_settled,
  NOT is_closed AND NOT is_void AS is_open,
  is_closed AND closed_at <= due_at AS is_on_time,
  NOT is_void AND NOT is_suspended AND whistle_overdue(due_at, closed_at, NULL, NULL) AS is_overdue,
  hours_between(reported_at, responded_at) AS response_hours,
  CASE WHEN is_closed THEN hours_between(reported_at, closed_at) END AS handling_hours,
  CASE WHEN NOT is_closed AND NOT is_void THEN CAST(as_of_date() AS INT) - CAST(CAST(reported_at AS DATE) AS INT) END AS open_days,
  extension_count,
  return_count,
  rework_count,
  suspend_reason,
  satisfaction,
  updated_at,
  _batch_id,
  _line
FROM standing

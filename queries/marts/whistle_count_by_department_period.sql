-- A unit's work is its tasks, as in whistle_by_department: one whistle sent to four units is one task for each of them.
-- A task counts as 新增 in the period it was sent in, as 办结 or 退回 in that in which it left the unit, as 应办结 in that
-- of its limit. 转入 are new lead tasks of a whistle that another unit had sent back; the clocks of 签收, 退回 and 挂账 are
-- those of whistle_task_clock. Tasks of 已作废 whistles are left out.
-- 期初在办 + 新增(含转入) = 办结 + 退回 + 期末在办. 返工 counts in the period in which the lead unit's task was closed.
-- Earlier windows are counted as they stood at their own end; 挂账, 已作废 and ratings are known only as of today.
WITH tasks AS (
  SELECT
    department,
    dispatched_at,
    due_at,
    is_returned,
    is_suspended,
    is_taken_over,
    responded_at,
    sign_due_at,
    is_sign_late,
    arrived_at,
    arrival_due_at,
    is_arrival_late,
    CASE WHEN is_closed THEN closed_at END AS closed_at,
    left_at,
    CASE WHEN role = '主办' THEN satisfaction END AS satisfaction,
    CASE WHEN role = '主办' THEN rework_count END AS rework_count
  FROM whistle_task_clock
  WHERE NOT is_void
),
listed AS (
  -- Every unit, also without tasks, and tasks of units that are in no list.
  SELECT
    t.*,
    d.department_code,
    d.kind,
    coalesce(d.department, t.department) AS unit
  FROM stg_departments AS d
  FULL JOIN tasks AS t ON t.department = d.department
),
placed AS (
  SELECT
    p.period_kind,
    p.period_sort,
    p.period_name,
    p.period,
    p.period_window,
    p.window_sort,
    p.whole_month,
    p.start_at,
    p.end_at,
    l.*,
    l.dispatched_at < p.start_at AND NOT coalesce(l.left_at < p.start_at, false) AS is_opening,
    l.dispatched_at >= p.start_at AND l.dispatched_at < p.end_at AS is_new,
    coalesce(l.left_at >= p.start_at AND l.left_at < p.end_at, false) AS is_left,
    l.dispatched_at < p.end_at AND NOT coalesce(l.left_at < p.end_at, false) AS is_in_hand,
    -- A task that was sent back later was still the unit's then.
    l.is_returned AND l.left_at < p.end_at AS is_sent_back,
    l.due_at >= p.start_at AND l.due_at < p.end_at AND l.dispatched_at < p.end_at AND NOT l.is_suspended
      AND NOT (l.is_returned AND l.left_at < p.end_at) AS is_due,
    coalesce(l.responded_at <= l.sign_due_at AND l.responded_at < p.end_at, false) AS is_response_in_time,
    coalesce(l.is_sign_late AND l.sign_due_at < p.end_at, false) AS is_response_late,
    coalesce(l.arrived_at <= l.arrival_due_at AND l.arrived_at < p.end_at, false) AS is_arrival_in_time,
    coalesce(l.is_arrival_late AND l.arrival_due_at < p.end_at, false) AS is_arrival_late_by_then
  FROM report_period AS p
  CROSS JOIN listed AS l
)
SELECT
  period_kind,
  period_sort,
  period_name,
  period,
  period_window,
  window_sort,
  whole_month,
  CASE WHEN grouping(unit) = 0 THEN 'unit' WHEN grouping(kind) = 0 THEN 'kind' ELSE 'district' END AS row_level,
  department_code,
  CASE WHEN grouping(unit) = 0 THEN unit ELSE '合计' END AS department,
  kind,
  count(*) FILTER (WHERE is_opening OR is_new OR is_due) AS task_count,
  count(*) FILTER (WHERE is_opening) AS opening_count,
  count(*) FILTER (WHERE is_new) AS new_count,
  count(*) FILTER (WHERE is_new AND is_taken_over) AS transferred_count,
  count(*) FILTER (WHERE is_left AND closed_at IS NOT NULL) AS closed_count,
  count(*) FILTER (WHERE is_left AND closed_at <= due_at) AS closed_on_time_count,
  count(*) FILTER (WHERE is_left AND is_returned) AS returned_count,
  count(*) FILTER (WHERE is_in_hand) AS open_count,
  count(*) FILTER (WHERE is_in_hand AND is_suspended) AS suspended_count,
  count(*) FILTER (WHERE is_in_hand AND NOT is_suspended AND due_at < end_at) AS open_overdue_count,
  count(*) FILTER (WHERE is_due) AS due_count,
  count(*) FILTER (WHERE is_due AND closed_at < end_at) AS due_closed_count,
  count(*) FILTER (WHERE is_due AND closed_at <= due_at) AS due_on_time_count,
  count(*) FILTER (
    WHERE is_new AND NOT is_sent_back AND (is_response_in_time OR is_response_late)
  ) AS response_due_count,
  count(*) FILTER (WHERE is_new AND NOT is_sent_back AND is_response_in_time) AS response_in_time_count,
  count(*) FILTER (
    WHERE is_new AND NOT is_sent_back AND (is_arrival_in_time OR is_arrival_late_by_then)
  ) AS arrival_due_count,
  count(*) FILTER (WHERE is_new AND NOT is_sent_back AND is_arrival_in_time) AS arrival_in_time_count,
  count(satisfaction) FILTER (WHERE is_left AND closed_at IS NOT NULL) AS rated_count,
  count(*) FILTER (WHERE is_left AND closed_at IS NOT NULL AND satisfaction >= 4) AS satisfied_count,
  coalesce(sum(rework_count) FILTER (WHERE is_left AND closed_at IS NOT NULL), 0) AS rework_count
FROM placed
GROUP BY GROUPING SETS (
  (period_kind, period_sort, period_name, period, period_window, window_sort, whole_month, kind, department_code, unit),
  (period_kind, period_sort, period_name, period, period_window, window_sort, whole_month, kind),
  (period_kind, period_sort, period_name, period, period_window, window_sort, whole_month)
)

-- A unit's work is its tasks, as in whistle_by_department: one whistle sent to four units is one task for each of them.
-- A task counts as 新增 in the period it was sent in, as 办结 or 退回 in that in which it left the unit, as 应办结 in that
-- of its limit. 转入 are new lead tasks of a whistle that another unit had sent back; the clocks of 签收, 退回 and 挂账 are
-- those of whistle_task_clock. Tasks of 已作废 whistles are left out.
-- 期初在办 + 新增(含转入) = 办结 + 退回 + 期末在办; identity_gap says by how much it fails, 0 is right.
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
    CASE WHEN is_closed THEN closed_at END AS closed_at,
    left_at,
    CASE WHEN role = '主办' THEN satisfaction END AS satisfaction
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
    coalesce(l.is_sign_late AND l.sign_due_at < p.end_at, false) AS is_response_late
  FROM report_period AS p
  CROSS JOIN listed AS l
),
counted AS (
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
    count(satisfaction) FILTER (WHERE is_left AND closed_at IS NOT NULL) AS rated_count,
    count(*) FILTER (WHERE is_left AND closed_at IS NOT NULL AND satisfaction >= 4) AS satisfied_count
  FROM placed
  GROUP BY GROUPING SETS (
    (period_kind, period_sort, period_name, period, period_window, window_sort, whole_month, kind, department_code, unit),
    (period_kind, period_sort, period_name, period, period_window, window_sort, whole_month, kind),
    (period_kind, period_sort, period_name, period, period_window, window_sort, whole_month)
  )
),
rated AS (
  SELECT
    *,
    rate(due_on_time_count, due_count) AS on_time_rate,
    rate(response_in_time_count, response_due_count) AS response_rate,
    rate(satisfied_count, rated_count) AS satisfaction_rate
  FROM counted
),
rules AS (
  SELECT
    kind,
    max(full_points) FILTER (WHERE indicator = '按期办结率') AS on_time_full_points,
    max(target_pct) FILTER (WHERE indicator = '按期办结率') AS on_time_target_pct,
    max(points_per_pct) FILTER (WHERE indicator = '按期办结率') AS on_time_points_per_pct,
    max(floor_points) FILTER (WHERE indicator = '按期办结率') AS on_time_floor_points,
    max(full_points) FILTER (WHERE indicator = '响应率') AS response_full_points,
    max(target_pct) FILTER (WHERE indicator = '响应率') AS response_target_pct,
    max(points_per_pct) FILTER (WHERE indicator = '响应率') AS response_points_per_pct,
    max(floor_points) FILTER (WHERE indicator = '响应率') AS response_floor_points,
    max(full_points) FILTER (WHERE indicator = '满意率') AS satisfaction_full_points,
    max(target_pct) FILTER (WHERE indicator = '满意率') AS satisfaction_target_pct,
    max(points_per_pct) FILTER (WHERE indicator = '满意率') AS satisfaction_points_per_pct,
    max(floor_points) FILTER (WHERE indicator = '满意率') AS satisfaction_floor_points
  FROM score_rule_list
  GROUP BY kind
),
pointed AS (
  -- What a unit has no cases for earns nothing and is not held against it. A score is rounded once, so these are not yet.
  SELECT
    rated.*,
    rules.on_time_full_points,
    rules.response_full_points,
    rules.satisfaction_full_points,
    linear_points(
      on_time_rate, on_time_full_points, on_time_target_pct, on_time_points_per_pct, on_time_floor_points, 10
    ) AS on_time_points,
    linear_points(
      response_rate, response_full_points, response_target_pct, response_points_per_pct, response_floor_points, 10
    ) AS response_points,
    linear_points(
      satisfaction_rate, satisfaction_full_points, satisfaction_target_pct, satisfaction_points_per_pct,
      satisfaction_floor_points, 10
    ) AS satisfaction_points
  FROM rated
  LEFT JOIN rules ON rules.kind = rated.kind AND rated.row_level = 'unit'
),
scored AS (
  SELECT
    p.*,
    round_half_up(
      100 * rate(
        coalesce(on_time_points, 0) + coalesce(response_points, 0) + coalesce(satisfaction_points, 0),
        CASE WHEN on_time_points IS NULL THEN 0 ELSE on_time_full_points END
          + CASE WHEN response_points IS NULL THEN 0 ELSE response_full_points END
          + CASE WHEN satisfaction_points IS NULL THEN 0 ELSE satisfaction_full_points END
      ),
      2
    ) AS score,
    p.row_level = 'unit' AND p.kind IS NOT NULL AND p.due_count >= t.rank_due_count_min AS is_ranked,
    t.rank_due_count_min,
    t.bottom_named_count
  FROM pointed AS p
  CROSS JOIN threshold_in_force AS t
),
ranked AS (
  SELECT
    *,
    rank() OVER (PARTITION BY period_kind, period_window, kind, is_ranked ORDER BY score DESC NULLS LAST) AS nth_best,
    rank() OVER (PARTITION BY period_kind, period_window, kind, is_ranked ORDER BY score NULLS LAST) AS nth_worst,
    count(*) FILTER (WHERE is_ranked) OVER (PARTITION BY period_kind, period_window, kind) AS ranked_count
  FROM scored
)
SELECT
  period_kind,
  period_sort,
  period_name,
  period,
  period_window,
  window_sort,
  whole_month,
  row_level,
  code_sort('部门类别', kind) AS kind_sort,
  kind,
  department_code,
  department,
  task_count,
  opening_count,
  new_count,
  transferred_count,
  closed_count,
  closed_on_time_count,
  closed_count - closed_on_time_count AS closed_late_count,
  returned_count,
  open_count,
  open_count - open_overdue_count - suspended_count AS open_not_due_count,
  open_overdue_count,
  suspended_count,
  opening_count + new_count - closed_count - returned_count - open_count AS identity_gap,
  due_count,
  due_closed_count,
  rate(due_closed_count, due_count) AS closing_rate_b,
  due_on_time_count,
  on_time_rate,
  due_count - due_on_time_count AS due_late_count,
  due_closed_count - due_on_time_count AS due_late_closed_count,
  due_count - due_closed_count AS due_late_open_count,
  response_due_count,
  response_in_time_count,
  response_rate,
  response_due_count - response_in_time_count AS response_late_count,
  rated_count,
  satisfied_count,
  satisfaction_rate,
  rated_count - satisfied_count AS unsatisfied_count,
  round_half_up(on_time_points, 2) AS on_time_points,
  round_half_up(response_points, 2) AS response_points,
  round_half_up(satisfaction_points, 2) AS satisfaction_points,
  score,
  rank_due_count_min,
  is_ranked,
  ranked_count,
  CASE WHEN is_ranked THEN nth_best END AS rank_in_kind,
  -- Named at the foot of its group: the last few, never more than the lower half and nobody with full marks.
  is_ranked AND score < 100 AND nth_worst <= least(bottom_named_count, floor(ranked_count / 2.0)) AS is_bottom
FROM ranked
ORDER BY period_sort, window_sort, row_level DESC, kind_sort NULLS LAST, rank_in_kind NULLS LAST, department_code NULLS LAST, department

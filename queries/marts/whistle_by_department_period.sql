-- The counts of whistle_count_by_department_period with their rates, scores and ranks.
WITH scored AS (
  SELECT
    c.*,
    s.base_points,
    s.deducted_points,
    s.added_points,
    s.score,
    c.row_level = 'unit' AND c.kind IS NOT NULL AND c.due_count >= t.rank_due_count_min AS is_ranked,
    t.rank_due_count_min,
    t.bottom_named_count
  FROM whistle_count_by_department_period AS c
  CROSS JOIN threshold_in_force AS t
  LEFT JOIN score_by_department_period AS s
    ON c.row_level = 'unit'
    AND s.period_kind = c.period_kind
    AND s.period_window = c.period_window
    AND s.department = c.department
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
  rate(due_on_time_count, due_count) AS on_time_rate,
  due_count - due_on_time_count AS due_late_count,
  due_closed_count - due_on_time_count AS due_late_closed_count,
  due_count - due_closed_count AS due_late_open_count,
  response_due_count,
  response_in_time_count,
  rate(response_in_time_count, response_due_count) AS response_rate,
  response_due_count - response_in_time_count AS response_late_count,
  arrival_due_count,
  arrival_in_time_count,
  rate(arrival_in_time_count, arrival_due_count) AS arrival_rate,
  rated_count,
  satisfied_count,
  rate(satisfied_count, rated_count) AS satisfaction_rate,
  rated_count - satisfied_count AS unsatisfied_count,
  rework_count,
  round_half_up(base_points, 2) AS base_points,
  round_half_up(deducted_points, 2) AS deducted_points,
  round_half_up(added_points, 2) AS added_points,
  score,
  rank_due_count_min,
  is_ranked,
  ranked_count,
  CASE WHEN is_ranked THEN nth_best END AS rank_in_kind,
  -- Named at the foot of its group: the last few, never more than the lower half and nobody with full marks.
  is_ranked AND score < 100 AND nth_worst <= least(bottom_named_count, floor(ranked_count / 2.0)) AS is_bottom
FROM ranked
ORDER BY period_sort, window_sort, row_level DESC, kind_sort NULLS LAST, rank_in_kind NULLS LAST, department_code NULLS LAST, department

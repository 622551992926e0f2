-- A unit's work is its tasks: one whistle sent to four units is one task for each of them, so units add up
-- to more than the district's whistles. Tasks of 已作废 whistles are left out.
-- 退回 takes a task off the unit's clock; 挂账 leaves the 应办结 denominator and is shown apart.
-- 期初在办 + 本期新增 = 本期办结 + 退回 + 期末在办; identity_gap says by how much it fails, 0 is right.
-- 签收(应哨) and 到场 are due by whistle_limits, see whistle_task_clock; both count in the period of the dispatch.
-- Each kind of unit has a total: its rates come from its counts, its mean from the hours of all its tasks; a median, a
-- score and a rank of several units would mean nothing.
WITH timed AS (
  SELECT
    department,
    dispatched_at,
    due_at,
    handling_hours,
    is_returned,
    is_closed,
    is_open,
    is_open AND is_overdue AS is_open_overdue,
    is_suspended,
    is_on_time,
    is_sign_due,
    is_sign_in_time,
    is_arrival_due,
    is_arrival_in_time,
    left_at,
    CASE WHEN role = '主办' THEN satisfaction END AS satisfaction,
    period_start('month', as_of_date()) AS month_start,
    period_start('year', as_of_date()) AS year_start
  FROM whistle_task_clock
  WHERE NOT is_void
),
flagged AS (
  SELECT
    *,
    dispatched_at >= month_start AS is_new_month,
    dispatched_at >= year_start AS is_new_year,
    coalesce(left_at >= month_start, false) AS is_left_month,
    coalesce(left_at >= year_start, false) AS is_left_year,
    due_at >= month_start AND due_at < as_of_end() AND NOT is_returned AND NOT is_suspended AS is_due_month,
    due_at >= year_start AND due_at < as_of_end() AND NOT is_returned AND NOT is_suspended AS is_due_year
  FROM timed
),
listed AS (
  -- Every unit, also without tasks, and tasks of units that are in no list.
  SELECT
    f.*,
    d.department_code,
    d.kind,
    coalesce(d.department, f.department) AS unit
  FROM stg_departments AS d
  FULL JOIN flagged AS f ON f.department = d.department
),
counted AS (
  SELECT
    CASE WHEN grouping(unit) = 0 THEN 'unit' ELSE 'total' END AS row_level,
    department_code,
    CASE WHEN grouping(unit) = 0 THEN unit ELSE '合计' END AS department,
    kind,
    count(*) FILTER (WHERE NOT is_new_month AND (is_open OR is_left_month)) AS opening_count_month,
    count(*) FILTER (WHERE is_new_month) AS new_count_month,
    count(*) FILTER (WHERE is_new_month AND is_closed) AS new_closed_count_month,
    count(*) FILTER (WHERE is_closed AND is_left_month AND is_on_time) AS closed_on_time_count_month,
    count(*) FILTER (WHERE is_closed AND is_left_month AND NOT is_on_time) AS closed_late_count_month,
    count(*) FILTER (WHERE is_returned AND is_left_month) AS returned_count_month,
    count(*) FILTER (WHERE is_due_month) AS due_count_month,
    count(*) FILTER (WHERE is_due_month AND is_closed) AS due_closed_count_month,
    count(*) FILTER (WHERE is_due_month AND is_on_time) AS due_on_time_count_month,
    count(*) FILTER (WHERE is_new_month AND is_sign_due) AS response_due_count_month,
    count(*) FILTER (WHERE is_new_month AND is_sign_in_time) AS response_in_time_count_month,
    count(*) FILTER (WHERE is_new_month AND is_arrival_due) AS arrival_due_count_month,
    count(*) FILTER (WHERE is_new_month AND is_arrival_in_time) AS arrival_in_time_count_month,
    count(satisfaction) FILTER (WHERE is_closed AND is_left_month) AS rated_count_month,
    count(*) FILTER (WHERE is_closed AND is_left_month AND satisfaction >= 4) AS satisfied_count_month,
    round_half_up(avg(handling_hours) FILTER (WHERE is_closed AND is_left_month), 4) AS mean_hours_month,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY handling_hours) FILTER (WHERE is_closed AND is_left_month)
      AS median_hours_month,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY handling_hours) FILTER (WHERE is_closed AND is_left_month)
      AS p90_hours_month,
    count(*) FILTER (WHERE NOT is_new_year AND (is_open OR is_left_year)) AS opening_count_year,
    count(*) FILTER (WHERE is_new_year) AS new_count_year,
    count(*) FILTER (WHERE is_new_year AND is_closed) AS new_closed_count_year,
    count(*) FILTER (WHERE is_closed AND is_left_year AND is_on_time) AS closed_on_time_count_year,
    count(*) FILTER (WHERE is_closed AND is_left_year AND NOT is_on_time) AS closed_late_count_year,
    count(*) FILTER (WHERE is_returned AND is_left_year) AS returned_count_year,
    count(*) FILTER (WHERE is_due_year) AS due_count_year,
    count(*) FILTER (WHERE is_due_year AND is_closed) AS due_closed_count_year,
    count(*) FILTER (WHERE is_due_year AND is_on_time) AS due_on_time_count_year,
    count(*) FILTER (WHERE is_new_year AND is_sign_due) AS response_due_count_year,
    count(*) FILTER (WHERE is_new_year AND is_sign_in_time) AS response_in_time_count_year,
    count(*) FILTER (WHERE is_new_year AND is_arrival_due) AS arrival_due_count_year,
    count(*) FILTER (WHERE is_new_year AND is_arrival_in_time) AS arrival_in_time_count_year,
    count(satisfaction) FILTER (WHERE is_closed AND is_left_year) AS rated_count_year,
    count(*) FILTER (WHERE is_closed AND is_left_year AND satisfaction >= 4) AS satisfied_count_year,
    round_half_up(avg(handling_hours) FILTER (WHERE is_closed AND is_left_year), 4) AS mean_hours_year,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY handling_hours) FILTER (WHERE is_closed AND is_left_year)
      AS median_hours_year,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY handling_hours) FILTER (WHERE is_closed AND is_left_year)
      AS p90_hours_year,
    count(*) FILTER (WHERE is_open AND NOT is_open_overdue AND NOT is_suspended) AS open_not_due_count,
    count(*) FILTER (WHERE is_open_overdue) AS open_overdue_count,
    count(*) FILTER (WHERE is_suspended) AS suspended_count
  FROM listed
  GROUP BY GROUPING SETS ((kind, department_code, unit), (kind))
),
rated AS (
  SELECT
    *,
    open_not_due_count + open_overdue_count + suspended_count AS open_count,
    closed_on_time_count_month + closed_late_count_month AS closed_count_month,
    closed_on_time_count_year + closed_late_count_year AS closed_count_year,
    rate(response_in_time_count_month, response_due_count_month) AS response_rate_month,
    rate(due_on_time_count_month, due_count_month) AS on_time_rate_month,
    rate(satisfied_count_month, rated_count_month) AS satisfaction_rate_month,
    rate(response_in_time_count_year, response_due_count_year) AS response_rate_year,
    rate(due_on_time_count_year, due_count_year) AS on_time_rate_year,
    rate(satisfied_count_year, rated_count_year) AS satisfaction_rate_year
  FROM counted
),
scored AS (
  -- The year to date is a period as any other; its score is that of the bulletins.
  SELECT
    r.*,
    s.score AS score_year,
    -- A rate over fewer than five due tasks ranks nobody.
    r.row_level = 'unit' AND r.due_count_year >= 5 AS is_ranked_year
  FROM rated AS r
  LEFT JOIN score_by_department_period AS s
    ON r.row_level = 'unit'
    AND s.period_kind = 'year'
    AND s.period_window = 'current'
    AND s.department = r.department
)
SELECT
  row_level,
  department_code,
  department,
  kind,
  open_count,
  open_not_due_count,
  open_overdue_count,
  suspended_count,
  opening_count_month,
  new_count_month,
  new_closed_count_month,
  rate(new_closed_count_month, new_count_month) AS closing_rate_a_month,
  due_count_month,
  due_closed_count_month,
  rate(due_closed_count_month, due_count_month) AS closing_rate_b_month,
  due_on_time_count_month,
  on_time_rate_month,
  rate(due_count_month - due_on_time_count_month, due_count_month) AS overdue_rate_month,
  closed_count_month,
  closed_on_time_count_month,
  closed_late_count_month,
  returned_count_month,
  response_due_count_month,
  response_in_time_count_month,
  response_rate_month,
  arrival_due_count_month,
  arrival_in_time_count_month,
  rate(arrival_in_time_count_month, arrival_due_count_month) AS arrival_rate_month,
  rated_count_month,
  satisfied_count_month,
  satisfaction_rate_month,
  mean_hours_month,
  CASE WHEN row_level = 'unit' THEN median_hours_month END AS median_hours_month,
  CASE WHEN row_level = 'unit' THEN p90_hours_month END AS p90_hours_month,
  opening_count_month + new_count_month - closed_count_month - returned_count_month - open_count AS identity_gap_month,
  opening_count_year,
  new_count_year,
  new_closed_count_year,
  rate(new_closed_count_year, new_count_year) AS closing_rate_a_year,
  due_count_year,
  due_closed_count_year,
  rate(due_closed_count_year, due_count_year) AS closing_rate_b_year,
  due_on_time_count_year,
  on_time_rate_year,
  rate(due_count_year - due_on_time_count_year, due_count_year) AS overdue_rate_year,
  closed_count_year,
  closed_on_time_count_year,
  closed_late_count_year,
  returned_count_year,
  response_due_count_year,
  response_in_time_count_year,
  response_rate_year,
  arrival_due_count_year,
  arrival_in_time_count_year,
  rate(arrival_in_time_count_year, arrival_due_count_year) AS arrival_rate_year,
  rated_count_year,
  satisfied_count_year,
  satisfaction_rate_year,
  mean_hours_year,
  CASE WHEN row_level = 'unit' THEN median_hours_year END AS median_hours_year,
  CASE WHEN row_level = 'unit' THEN p90_hours_year END AS p90_hours_year,
  opening_count_year + new_count_year - closed_count_year - returned_count_year - open_count AS identity_gap_year,
  score_year,
  CASE WHEN is_ranked_year THEN rank() OVER (PARTITION BY kind, is_ranked_year ORDER BY score_year DESC NULLS LAST) END
    AS rank_in_kind_year
FROM scored
ORDER BY department_code NULLS LAST, department, kind

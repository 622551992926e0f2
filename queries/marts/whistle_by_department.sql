-- A unit's work is its tasks: one whistle sent to four units is one task for each of them, so units add up
-- to more than the district's whistles. Tasks of 已作废 whistles are left out.
-- 退回 takes a task off the unit's clock; 挂账 leaves the 应办结 denominator and is shown apart.
-- 期初在办 + 本期新增 = 本期办结 + 退回 + 期末在办; identity_gap says by how much it fails, 0 is right.
-- 应哨 in time means within 24 hours of dispatch.
WITH timed AS (
  SELECT
    t.department,
    t.dispatched_at,
    t.responded_at,
    t.due_at,
    t.response_hours,
    t.handling_hours,
    t.is_returned,
    t.is_closed AND NOT t.is_returned AS is_closed,
    t.is_open,
    t.is_open AND t.is_overdue AND NOT coalesce(w.is_suspended, false) AS is_open_overdue,
    t.is_open AND coalesce(w.is_suspended, false) AS is_suspended,
    t.is_on_time AND NOT t.is_returned AS is_on_time,
    CASE WHEN t.is_returned THEN t.returned_at WHEN t.is_closed THEN t.closed_at END AS left_at,
    CASE WHEN t.role = '主办' THEN w.satisfaction END AS satisfaction,
    date_trunc('month', as_of_end() - INTERVAL '1 day') AS month_start,
    date_trunc('year', as_of_end() - INTERVAL '1 day') AS year_start
  FROM stg_whistle_tasks AS t
  LEFT JOIN stg_whistles AS w ON w.whistle_id = t.whistle_id
  WHERE NOT coalesce(w.is_void, false)
),
flagged AS (
  SELECT
    *,
    dispatched_at >= month_start AS is_new_month,
    dispatched_at >= year_start AS is_new_year,
    coalesce(left_at >= month_start, false) AS is_left_month,
    coalesce(left_at >= year_start, false) AS is_left_year,
    due_at >= month_start AND due_at < as_of_end() AND NOT is_returned AND NOT is_suspended AS is_due_month,
    due_at >= year_start AND due_at < as_of_end() AND NOT is_returned AND NOT is_suspended AS is_due_year,
    coalesce(response_hours <= 24 AND responded_at < as_of_end(), false) AND NOT is_returned AS is_response_in_time,
    NOT is_returned
      AND (
        dispatched_at + INTERVAL '24 hours' <= as_of_end()
        OR coalesce(response_hours <= 24 AND responded_at < as_of_end(), false)
      ) AS is_response_due
  FROM timed
),
counted AS (
  SELECT
    department,
    count(*) FILTER (WHERE NOT is_new_month AND (is_open OR is_left_month)) AS opening_count_month,
    count(*) FILTER (WHERE is_new_month) AS new_count_month,
    count(*) FILTER (WHERE is_new_month AND is_closed) AS new_closed_count_month,
    count(*) FILTER (WHERE is_closed AND is_left_month AND is_on_time) AS closed_on_time_count_month,
    count(*) FILTER (WHERE is_closed AND is_left_month AND NOT is_on_time) AS closed_late_count_month,
    count(*) FILTER (WHERE is_returned AND is_left_month) AS returned_count_month,
    count(*) FILTER (WHERE is_due_month) AS due_count_month,
    count(*) FILTER (WHERE is_due_month AND is_closed) AS due_closed_count_month,
    count(*) FILTER (WHERE is_due_month AND is_on_time) AS due_on_time_count_month,
    count(*) FILTER (WHERE is_new_month AND is_response_due) AS response_due_count_month,
    count(*) FILTER (WHERE is_new_month AND is_response_in_time) AS response_in_time_count_month,
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
    count(*) FILTER (WHERE is_new_year AND is_response_due) AS response_due_count_year,
    count(*) FILTER (WHERE is_new_year AND is_response_in_time) AS response_in_time_count_year,
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
  FROM flagged
  GROUP BY department
),
units AS (
  SELECT
    d.department_code,
    coalesce(d.department, c.department) AS department,
    d.kind,
    coalesce(c.opening_count_month, 0) AS opening_count_month,
    coalesce(c.new_count_month, 0) AS new_count_month,
    coalesce(c.new_closed_count_month, 0) AS new_closed_count_month,
    coalesce(c.closed_on_time_count_month, 0) AS closed_on_time_count_month,
    coalesce(c.closed_late_count_month, 0) AS closed_late_count_month,
    coalesce(c.returned_count_month, 0) AS returned_count_month,
    coalesce(c.due_count_month, 0) AS due_count_month,
    coalesce(c.due_closed_count_month, 0) AS due_closed_count_month,
    coalesce(c.due_on_time_count_month, 0) AS due_on_time_count_month,
    coalesce(c.response_due_count_month, 0) AS response_due_count_month,
    coalesce(c.response_in_time_count_month, 0) AS response_in_time_count_month,
    coalesce(c.rated_count_month, 0) AS rated_count_month,
    coalesce(c.satisfied_count_month, 0) AS satisfied_count_month,
    c.mean_hours_month,
    c.median_hours_month,
    c.p90_hours_month,
    coalesce(c.opening_count_year, 0) AS opening_count_year,
    coalesce(c.new_count_year, 0) AS new_count_year,
    coalesce(c.new_closed_count_year, 0) AS new_closed_count_year,
    coalesce(c.closed_on_time_count_year, 0) AS closed_on_time_count_year,
    coalesce(c.closed_late_count_year, 0) AS closed_late_count_year,
    coalesce(c.returned_count_year, 0) AS returned_count_year,
    coalesce(c.due_count_year, 0) AS due_count_year,
    coalesce(c.due_closed_count_year, 0) AS due_closed_count_year,
    coalesce(c.due_on_time_count_year, 0) AS due_on_time_count_year,
    coalesce(c.response_due_count_year, 0) AS response_due_count_year,
    coalesce(c.response_in_time_count_year, 0) AS response_in_time_count_year,
    coalesce(c.rated_count_year, 0) AS rated_count_year,
    coalesce(c.satisfied_count_year, 0) AS satisfied_count_year,
    c.mean_hours_year,
    c.median_hours_year,
    c.p90_hours_year,
    coalesce(c.open_not_due_count, 0) AS open_not_due_count,
    coalesce(c.open_overdue_count, 0) AS open_overdue_count,
    coalesce(c.suspended_count, 0) AS suspended_count
  FROM stg_departments AS d
  FULL JOIN counted AS c ON c.department = d.department
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
  FROM units
),
pointed AS (
  -- Full points at the target; below it so many points less per percentage point, never under the floor.
  -- What a unit has no cases for earns nothing and is not held against it.
  SELECT
    *,
    CASE WHEN on_time_rate_year IS NOT NULL
      THEN greatest(0.0, 40.0 - 1.0 * greatest(0.0, 95.0 - 100.0 * on_time_rate_year)) END AS on_time_points_year,
    CASE WHEN response_rate_year IS NOT NULL
      THEN greatest(0.0, 30.0 - 0.5 * greatest(0.0, 98.0 - 100.0 * response_rate_year)) END AS response_points_year,
    CASE WHEN satisfaction_rate_year IS NOT NULL
      THEN greatest(15.0, 30.0 - 0.5 * greatest(0.0, 95.0 - 100.0 * satisfaction_rate_year)) END
      AS satisfaction_points_year
  FROM rated
),
scored AS (
  SELECT
    *,
    round_half_up(
      100 * rate(
        coalesce(on_time_points_year, 0) + coalesce(response_points_year, 0) + coalesce(satisfaction_points_year, 0),
        CASE WHEN on_time_points_year IS NULL THEN 0 ELSE 40 END
          + CASE WHEN response_points_year IS NULL THEN 0 ELSE 30 END
          + CASE WHEN satisfaction_points_year IS NULL THEN 0 ELSE 30 END
      ),
      2
    ) AS score_year,
    -- A rate over fewer than five due tasks ranks nobody.
    due_count_year >= 5 AS is_ranked_year
  FROM pointed
)
SELECT
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
  rated_count_month,
  satisfied_count_month,
  satisfaction_rate_month,
  mean_hours_month,
  median_hours_month,
  p90_hours_month,
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
  rated_count_year,
  satisfied_count_year,
  satisfaction_rate_year,
  mean_hours_year,
  median_hours_year,
  p90_hours_year,
  opening_count_year + new_count_year - closed_count_year - returned_count_year - open_count AS identity_gap_year,
  on_time_points_year,
  response_points_year,
  satisfaction_points_year,
  score_year,
  CASE WHEN is_ranked_year THEN rank() OVER (PARTITION BY kind, is_ranked_year ORDER BY score_year DESC NULLS LAST) END
    AS rank_in_kind_year
FROM scored
ORDER BY department_code NULLS LAST, department

-- The table of 吹哨办理情况表: the units, and one total for each kind of unit. Rates of a total come from its
-- counts, its mean from the hours of all its tasks; a median, a score and a rank of several units would mean nothing.
WITH totals AS (
  SELECT
    kind,
    sum(opening_count_year) AS opening_count_year,
    sum(new_count_year) AS new_count_year,
    sum(due_count_year) AS due_count_year,
    sum(due_closed_count_year) AS due_closed_count_year,
    sum(due_on_time_count_year) AS due_on_time_count_year,
    sum(closed_count_year) AS closed_count_year,
    sum(closed_on_time_count_year) AS closed_on_time_count_year,
    sum(closed_late_count_year) AS closed_late_count_year,
    sum(returned_count_year) AS returned_count_year,
    sum(open_count) AS open_count,
    sum(open_not_due_count) AS open_not_due_count,
    sum(open_overdue_count) AS open_overdue_count,
    sum(suspended_count) AS suspended_count,
    sum(response_due_count_year) AS response_due_count_year,
    sum(response_in_time_count_year) AS response_in_time_count_year,
    sum(rated_count_year) AS rated_count_year,
    sum(satisfied_count_year) AS satisfied_count_year,
    sum(mean_hours_year * closed_count_year) AS hours_year,
    sum(CASE WHEN mean_hours_year IS NOT NULL THEN closed_count_year END) AS hours_base_year
  FROM whistle_by_department
  GROUP BY kind
)
SELECT
  'unit' AS row_level,
  department_code,
  department,
  kind,
  opening_count_year,
  new_count_year,
  due_count_year,
  closed_count_year,
  closed_on_time_count_year,
  closed_late_count_year,
  returned_count_year,
  open_count,
  open_not_due_count,
  open_overdue_count,
  suspended_count,
  response_rate_year,
  closing_rate_b_year,
  on_time_rate_year,
  satisfaction_rate_year,
  mean_hours_year,
  median_hours_year,
  score_year,
  rank_in_kind_year
FROM whistle_by_department
UNION ALL
SELECT
  'total' AS row_level,
  CAST(NULL AS VARCHAR) AS department_code,
  '合计' AS department,
  kind,
  opening_count_year,
  new_count_year,
  due_count_year,
  closed_count_year,
  closed_on_time_count_year,
  closed_late_count_year,
  returned_count_year,
  open_count,
  open_not_due_count,
  open_overdue_count,
  suspended_count,
  rate(response_in_time_count_year, response_due_count_year) AS response_rate_year,
  rate(due_closed_count_year, due_count_year) AS closing_rate_b_year,
  rate(due_on_time_count_year, due_count_year) AS on_time_rate_year,
  rate(satisfied_count_year, rated_count_year) AS satisfaction_rate_year,
  rate(hours_year, hours_base_year) AS mean_hours_year,
  CAST(NULL AS DOUBLE) AS median_hours_year,
  CAST(NULL AS DOUBLE) AS score_year,
  CAST(NULL AS BIGINT) AS rank_in_kind_year
FROM totals

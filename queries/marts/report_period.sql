-- period_list the long way: the span a bulletin speaks for, and each span it is compared with, as a row to count in. A year
-- has no previous one.
WITH named AS (
  SELECT
    *,
    CASE kind WHEN 'week' THEN '周' WHEN 'month' THEN '月' WHEN 'half_year' THEN '半年' ELSE '年' END AS period_name
  FROM period_list
  WHERE kind IN ('week', 'month', 'half_year', 'year')
),
windows AS (
  SELECT
    kind, kind_sort, period_name, is_complete, is_cumulative,
    'current' AS period_window, 1 AS window_sort, label, start_date, end_date
  FROM named
  UNION ALL
  SELECT
    kind, kind_sort, period_name, is_complete, is_cumulative,
    'previous' AS period_window, 2 AS window_sort, previous_label AS label, previous_start_date AS start_date,
    previous_end_date AS end_date
  FROM named
  WHERE previous_end_date IS NOT NULL
  UNION ALL
  SELECT
    kind, kind_sort, period_name, is_complete, is_cumulative,
    'last_year' AS period_window, 3 AS window_sort, last_year_label AS label, last_year_start_date AS start_date,
    last_year_end_date AS end_date
  FROM named
)
SELECT
  kind AS period_kind,
  kind_sort AS period_sort,
  period_name,
  period_window,
  window_sort,
  is_complete,
  is_cumulative,
  start_date,
  end_date,
  CASE
    WHEN date_part('day', start_date) = 1 AND period_start('month', end_date) = start_date
      AND period_start('month', end_date + 1) > end_date
      THEN to_char(start_date, '%Y-%m')
  END AS whole_month,
  CAST(start_date AS TIMESTAMP) AS start_at,
  CAST(end_date + 1 AS TIMESTAMP) AS end_at,
  CASE
    WHEN date_part('year', start_date) = date_part('year', end_date) THEN concat(to_char(end_date, '%Y年'), label)
    ELSE concat(to_char(start_date, '%Y年%-m月%-d日至'), to_char(end_date, '%Y年%-m月%-d日'))
  END AS period
FROM windows
ORDER BY kind_sort, window_sort

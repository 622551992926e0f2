-- Whole months are compared with whole months; the month of the as-of date, until it is over, with the same days of the
-- month before and of last year, as whistle_by_place does. A shorter month is over with its last day.
WITH same_days AS (
  SELECT month_number, coalesce(level, '合计') AS level, count(*) AS reported_count
  FROM (
    SELECT date_part('year', reported_at) * 12 + date_part('month', reported_at) AS month_number, level
    FROM stg_whistles
    WHERE NOT is_void AND date_part('day', reported_at) <= date_part('day', as_of_date())
  ) AS r
  GROUP BY GROUPING SETS ((month_number, level), (month_number))
),
counted AS (
  SELECT
    c.*,
    CASE
      WHEN date_part('day', as_of_date()) >= date_part('day', c.month_start + INTERVAL '1 month' - INTERVAL '1 day')
        THEN c.reported_count
      ELSE coalesce(s.reported_count, 0)
    END AS reported_count_same_days
  FROM whistle_count_by_month AS c
  LEFT JOIN same_days AS s
    ON s.level = c.level
    AND s.month_number = date_part('year', c.month_start) * 12 + date_part('month', c.month_start)
),
compared AS (
  SELECT
    *,
    CASE
      WHEN is_complete THEN lag(reported_count) OVER (PARTITION BY level ORDER BY month_start)
      ELSE lag(reported_count_same_days) OVER (PARTITION BY level ORDER BY month_start)
    END AS reported_count_previous_month,
    CASE
      WHEN is_complete THEN lag(reported_count, 12) OVER (PARTITION BY level ORDER BY month_start)
      ELSE lag(reported_count_same_days, 12) OVER (PARTITION BY level ORDER BY month_start)
    END AS reported_count_last_year
  FROM counted
)
SELECT
  month_start,
  month,
  concat(CAST(CAST(date_part('month', month_start) AS INT) AS VARCHAR), '月') AS month_label,
  level,
  level_sort,
  is_complete,
  reported_count,
  reported_count_previous_month,
  growth(reported_count, reported_count_previous_month) AS month_on_month_rate,
  reported_count_last_year,
  growth(reported_count, reported_count_last_year) AS year_on_year_rate,
  reported_closed_count,
  rate(reported_closed_count, reported_count) AS closing_rate_a,
  closed_count,
  due_count,
  due_closed_count,
  rate(due_closed_count, due_count) AS closing_rate_b,
  due_on_time_count,
  rate(due_on_time_count, due_count) AS on_time_rate
FROM compared
ORDER BY month_start, level_sort

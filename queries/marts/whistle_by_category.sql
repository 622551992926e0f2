-- Whole district. 合计 in level adds up both levels of a category, 合计 in category all categories of a level.
WITH rolled AS (
  SELECT
    coalesce(category, '合计') AS category,
    coalesce(level, '合计') AS level,
    sum(reported_count) AS reported_count,
    sum(closed_count) AS closed_count,
    sum(open_count) AS open_count,
    sum(suspended_count) AS suspended_count,
    sum(open_overdue_count) AS open_overdue_count,
    sum(reported_count_month) AS reported_count_month,
    sum(reported_count_previous_month) AS reported_count_previous_month,
    sum(reported_count_last_year_month) AS reported_count_last_year_month,
    sum(closed_count_month) AS closed_count_month,
    sum(reported_count_year) AS reported_count_year,
    sum(reported_count_last_year) AS reported_count_last_year,
    sum(closed_count_year) AS closed_count_year,
    sum(due_count_year) AS due_count_year,
    sum(due_closed_count_year) AS due_closed_count_year,
    sum(due_on_time_count_year) AS due_on_time_count_year
  FROM whistle_by_grid_category
  GROUP BY GROUPING SETS ((category, level), (category), (level), ())
)
SELECT
  category,
  CASE WHEN category = '合计' THEN 1000 ELSE code_sort('吹哨类别', category) END AS category_sort,
  level,
  CASE level WHEN '日常哨' THEN 1 WHEN '区级哨' THEN 2 ELSE 3 END AS level_sort,
  reported_count,
  closed_count,
  rate(closed_count, reported_count) AS closing_rate_a,
  open_count,
  suspended_count,
  open_overdue_count,
  reported_count_month,
  rate(
    reported_count_month,
    sum(CASE WHEN category <> '合计' THEN reported_count_month END) OVER (PARTITION BY level)
  ) AS share_rate_month,
  reported_count_previous_month,
  growth(reported_count_month, reported_count_previous_month) AS month_on_month_rate,
  reported_count_last_year_month,
  growth(reported_count_month, reported_count_last_year_month) AS year_on_year_rate,
  closed_count_month,
  reported_count_year,
  reported_count_last_year,
  growth(reported_count_year, reported_count_last_year) AS year_on_year_rate_year,
  closed_count_year,
  due_count_year,
  due_closed_count_year,
  rate(due_closed_count_year, due_count_year) AS closing_rate_b_year,
  due_on_time_count_year,
  rate(due_on_time_count_year, due_count_year) AS on_time_rate_year
FROM rolled
WHERE reported_count IS NOT NULL
ORDER BY level_sort, category_sort NULLS LAST, category

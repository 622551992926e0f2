-- Every place has three rows: 日常哨, 区级哨 and 合计. Counts are added up, hours are taken from the whistles.
-- Means are rounded: the last digits of a sum of floats depend on the order in which the cores deliver it.
WITH levels AS (
  SELECT level FROM (VALUES ('日常哨'), ('区级哨')) AS v (level)
),
rolled AS (
  SELECT
    CASE
      WHEN grouping(g.grid_code) = 0 THEN 'grid'
      WHEN grouping(g.community_code) = 0 THEN 'community'
      WHEN grouping(g.subdistrict_code) = 0 THEN 'subdistrict'
      ELSE 'district'
    END AS place_level,
    coalesce(g.grid_code, g.community_code, g.subdistrict_code, left(min(g.subdistrict_code), 6)) AS place_code,
    coalesce(g.grid_name, g.community_name, g.subdistrict_name, '全区') AS place_name,
    g.subdistrict_code,
    g.subdistrict_name,
    g.community_code,
    g.community_name,
    g.grid_code,
    coalesce(l.level, '合计') AS level,
    coalesce(sum(w.reported_count), 0) AS reported_count,
    coalesce(sum(w.closed_count), 0) AS closed_count,
    coalesce(sum(w.settled_count), 0) AS settled_count,
    coalesce(sum(w.open_count), 0) AS open_count,
    coalesce(sum(w.suspended_count), 0) AS suspended_count,
    coalesce(sum(w.open_overdue_count), 0) AS open_overdue_count,
    coalesce(sum(w.void_count), 0) AS void_count,
    coalesce(sum(w.opening_count_month), 0) AS opening_count_month,
    coalesce(sum(w.reported_count_month), 0) AS reported_count_month,
    coalesce(sum(w.reported_count_previous_month), 0) AS reported_count_previous_month,
    coalesce(sum(w.reported_count_last_year_month), 0) AS reported_count_last_year_month,
    coalesce(sum(w.closed_count_month), 0) AS closed_count_month,
    coalesce(sum(w.due_count_month), 0) AS due_count_month,
    coalesce(sum(w.due_closed_count_month), 0) AS due_closed_count_month,
    coalesce(sum(w.due_on_time_count_month), 0) AS due_on_time_count_month,
    coalesce(sum(w.reported_count_year), 0) AS reported_count_year,
    coalesce(sum(w.reported_count_last_year), 0) AS reported_count_last_year,
    coalesce(sum(w.reported_closed_count_year), 0) AS reported_closed_count_year,
    coalesce(sum(w.closed_count_year), 0) AS closed_count_year,
    coalesce(sum(w.due_count_year), 0) AS due_count_year,
    coalesce(sum(w.due_closed_count_year), 0) AS due_closed_count_year,
    coalesce(sum(w.due_on_time_count_year), 0) AS due_on_time_count_year,
    coalesce(sum(w.rework_count_year), 0) AS rework_count_year,
    coalesce(sum(w.rated_count_year), 0) AS rated_count_year,
    coalesce(sum(w.satisfied_count_year), 0) AS satisfied_count_year
  FROM stg_grids AS g
  CROSS JOIN levels AS l
  LEFT JOIN whistle_by_grid_category AS w ON w.grid_code = g.grid_code AND w.level = l.level
  GROUP BY GROUPING SETS (
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name, g.grid_code, g.grid_name, l.level),
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name, g.grid_code, g.grid_name),
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name, l.level),
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name),
    (g.subdistrict_code, g.subdistrict_name, l.level),
    (g.subdistrict_code, g.subdistrict_name),
    (l.level),
    ()
  )
),
handled AS (
  SELECT
    g.subdistrict_code,
    g.community_code,
    g.grid_code,
    w.level,
    w.handling_hours
  FROM stg_whistles AS w
  INNER JOIN stg_grids AS g ON g.grid_code = w.grid_code
  WHERE w.is_closed AND NOT w.is_void AND w.closed_at >= date_trunc('year', as_of_end() - INTERVAL '1 day')
),
hours AS (
  SELECT
    coalesce(grid_code, community_code, subdistrict_code, left(min(subdistrict_code), 6)) AS place_code,
    coalesce(level, '合计') AS level,
    round_half_up(avg(handling_hours), 4) AS mean_hours_year,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY handling_hours) AS median_hours_year,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY handling_hours) AS p90_hours_year
  FROM handled
  GROUP BY GROUPING SETS (
    (subdistrict_code, community_code, grid_code, level),
    (subdistrict_code, community_code, grid_code),
    (subdistrict_code, community_code, level),
    (subdistrict_code, community_code),
    (subdistrict_code, level),
    (subdistrict_code),
    (level),
    ()
  )
)
SELECT
  r.place_level,
  r.place_code,
  r.place_name,
  r.subdistrict_code,
  r.subdistrict_name,
  r.community_code,
  r.community_name,
  r.grid_code,
  r.level,
  CASE r.level WHEN '日常哨' THEN 1 WHEN '区级哨' THEN 2 ELSE 3 END AS level_sort,
  r.reported_count,
  r.closed_count,
  rate(r.closed_count, r.reported_count) AS closing_rate_a,
  r.settled_count,
  rate(r.settled_count, r.reported_count) AS settling_rate,
  r.open_count,
  r.suspended_count,
  r.open_overdue_count,
  r.void_count,
  r.opening_count_month,
  r.reported_count_month,
  r.reported_count_previous_month,
  growth(r.reported_count_month, r.reported_count_previous_month) AS month_on_month_rate,
  r.reported_count_last_year_month,
  growth(r.reported_count_month, r.reported_count_last_year_month) AS year_on_year_rate,
  r.closed_count_month,
  r.due_count_month,
  r.due_closed_count_month,
  rate(r.due_closed_count_month, r.due_count_month) AS closing_rate_b_month,
  r.due_on_time_count_month,
  rate(r.due_on_time_count_month, r.due_count_month) AS on_time_rate_month,
  r.reported_count_year,
  r.reported_count_last_year,
  growth(r.reported_count_year, r.reported_count_last_year) AS year_on_year_rate_year,
  r.reported_closed_count_year,
  rate(r.reported_closed_count_year, r.reported_count_year) AS closing_rate_a_year,
  r.closed_count_year,
  r.due_count_year,
  r.due_closed_count_year,
  rate(r.due_closed_count_year, r.due_count_year) AS closing_rate_b_year,
  r.due_on_time_count_year,
  rate(r.due_on_time_count_year, r.due_count_year) AS on_time_rate_year,
  r.due_count_year - r.due_on_time_count_year AS due_overdue_count_year,
  rate(r.due_count_year - r.due_on_time_count_year, r.due_count_year) AS overdue_rate_year,
  r.rework_count_year,
  rate(r.rework_count_year, r.closed_count_year) AS rework_rate_year,
  r.rated_count_year,
  r.satisfied_count_year,
  rate(r.satisfied_count_year, r.rated_count_year) AS satisfaction_rate_year,
  h.mean_hours_year,
  h.median_hours_year,
  h.p90_hours_year
FROM rolled AS r
LEFT JOIN hours AS h ON h.place_code = r.place_code AND h.level = r.level
ORDER BY r.place_code, level_sort

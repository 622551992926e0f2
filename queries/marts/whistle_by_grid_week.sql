-- Thirteen whole weeks, Monday to Sunday, ending with the last one that was over on the as-of date.
WITH week_numbers AS (
  SELECT unnest(range(0, 13)) AS weeks_ago
),
weeks AS (
  SELECT
    weeks_ago,
    CAST(date_trunc('week', as_of_date() + 1) AS DATE) - CAST(7 * (weeks_ago + 1) AS INT) AS week_start
  FROM week_numbers
),
counted AS (
  SELECT grid_code, CAST(date_trunc('week', reported_date) AS DATE) AS week_start, count(*) AS reported_count
  FROM stg_whistles
  WHERE NOT is_void AND reported_date >= as_of_date() - 100
  GROUP BY grid_code, CAST(date_trunc('week', reported_date) AS DATE)
)
SELECT
  g.grid_code,
  g.grid_name,
  g.subdistrict_code,
  g.subdistrict_name,
  k.week_start,
  k.weeks_ago,
  coalesce(c.reported_count, 0) AS reported_count
FROM stg_grids AS g
CROSS JOIN weeks AS k
LEFT JOIN counted AS c ON c.grid_code = g.grid_code AND c.week_start = k.week_start
ORDER BY g.grid_code, k.week_start

-- Every month from the first whistle on, also those without any, so that the month before is always the row before.
WITH levels AS (
  SELECT level FROM (VALUES ('日常哨'), ('区级哨')) AS v (level)
),
-- generate_series, not range: with a month as its step range leaves out the last month before the end.
months AS (
  SELECT
    unnest(
      generate_series(CAST(date_trunc('month', min(reported_date)) AS DATE), as_of_date(), INTERVAL '1 month')
    ) AS month_start
  FROM stg_whistles
),
reported AS (
  SELECT
    date_part('year', reported_at) * 12 + date_part('month', reported_at) AS month_number,
    level,
    count(*) AS reported_count,
    count(*) FILTER (WHERE is_closed) AS reported_closed_count
  FROM stg_whistles
  WHERE NOT is_void
  GROUP BY date_part('year', reported_at) * 12 + date_part('month', reported_at), level
),
closed AS (
  SELECT
    date_part('year', closed_at) * 12 + date_part('month', closed_at) AS month_number,
    level,
    count(*) AS closed_count
  FROM stg_whistles
  WHERE is_closed AND NOT is_void
  GROUP BY date_part('year', closed_at) * 12 + date_part('month', closed_at), level
),
due AS (
  SELECT
    date_part('year', due_at) * 12 + date_part('month', due_at) AS month_number,
    level,
    count(*) AS due_count,
    count(*) FILTER (WHERE is_closed) AS due_closed_count,
    count(*) FILTER (WHERE is_on_time) AS due_on_time_count
  FROM stg_whistles
  WHERE due_at < as_of_end() AND NOT is_void AND NOT (is_suspended AND is_open)
  GROUP BY date_part('year', due_at) * 12 + date_part('month', due_at), level
),
rolled AS (
  SELECT
    m.month_start,
    m.month_start + INTERVAL '1 month' <= as_of_date() + 1 AS is_complete,
    coalesce(l.level, '合计') AS level,
    coalesce(sum(r.reported_count), 0) AS reported_count,
    coalesce(sum(r.reported_closed_count), 0) AS reported_closed_count,
    coalesce(sum(c.closed_count), 0) AS closed_count,
    coalesce(sum(d.due_count), 0) AS due_count,
    coalesce(sum(d.due_closed_count), 0) AS due_closed_count,
    coalesce(sum(d.due_on_time_count), 0) AS due_on_time_count
  FROM months AS m
  CROSS JOIN levels AS l
  LEFT JOIN reported AS r
    ON r.level = l.level
    AND r.month_number = date_part('year', m.month_start) * 12 + date_part('month', m.month_start)
  LEFT JOIN closed AS c
    ON c.level = l.level
    AND c.month_number = date_part('year', m.month_start) * 12 + date_part('month', m.month_start)
  LEFT JOIN due AS d
    ON d.level = l.level
    AND d.month_number = date_part('year', m.month_start) * 12 + date_part('month', m.month_start)
  GROUP BY GROUPING SETS ((m.month_start, l.level), (m.month_start))
)
SELECT
  month_start,
  to_char(month_start, '%Y-%m') AS month,
  is_complete,
  level,
  CASE level WHEN '日常哨' THEN 1 WHEN '区级哨' THEN 2 ELSE 3 END AS level_sort,
  reported_count,
  reported_closed_count,
  closed_count,
  due_count,
  due_closed_count,
  due_on_time_count
FROM rolled
ORDER BY month_start, level_sort

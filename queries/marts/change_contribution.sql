-- What made an indicator change, from the previous window to the current one, by place, category and lead unit. Rows of a
-- grid that is in no list are kept as 未知, or the parts would not add up.
-- Of a count, each member contributes its own change; they add up to the change of the district, whatever they are.
-- Of 按期办结率 a member contributes, in percentage points,
--   100 × [(on_time₁ − R₀ × due₁) ÷ D₁ − (on_time₀ − R₀ × due₀) ÷ D₀],
-- D the district's 应办结, R₀ its rate before: what its share of the cases and its distance from R₀ made of the rate. The
-- second terms add up to 0 and the first to R₁ − R₀, so these add up exactly too, also where a member had no cases.
-- Before a closed month stands what it was closed with, and its parts are counted from the records of today. What the two
-- differ by is a member of its own, 修订, so that all add up to the change that is published.
WITH whistles AS (
  SELECT
    p.period_kind,
    p.period_sort,
    p.period_name,
    p.period_window = 'current' AS is_current,
    coalesce(g.subdistrict_code, '未知') AS subdistrict_code,
    coalesce(g.subdistrict_name, '未知街道') AS subdistrict_name,
    coalesce(g.community_code, '未知') AS community_code,
    coalesce(g.community_name, '未知社区') AS community_name,
    coalesce(w.grid_code, '未知') AS grid_code,
    coalesce(g.grid_name, '未知网格') AS grid_name,
    coalesce(w.category, '未分类') AS category,
    coalesce(w.department, '未派遣') AS department,
    w.reported_at >= p.start_at AND w.reported_at < p.end_at AS is_reported,
    w.due_at >= p.start_at AND w.due_at < p.end_at AND NOT (w.is_suspended AND w.is_open) AS is_due,
    w.due_at >= p.start_at AND w.due_at < p.end_at AND coalesce(w.closed_at <= w.due_at, false) AS is_on_time
  FROM report_period AS p
  INNER JOIN stg_whistles AS w ON w.reported_at < p.end_at
  LEFT JOIN stg_grids AS g ON g.grid_code = w.grid_code
  -- A year has nothing before it but itself a year ago.
  WHERE p.period_window IN ('current', 'previous') AND p.period_kind <> 'year' AND NOT w.is_void
),
visits AS (
  SELECT
    p.period_kind,
    p.period_sort,
    p.period_name,
    p.period_window = 'current' AS is_current,
    coalesce(g.subdistrict_code, '未知') AS subdistrict_code,
    coalesce(g.subdistrict_name, '未知街道') AS subdistrict_name,
    coalesce(g.community_code, '未知') AS community_code,
    coalesce(g.community_name, '未知社区') AS community_name,
    coalesce(v.grid_code, '未知') AS grid_code,
    coalesce(g.grid_name, '未知网格') AS grid_name
  FROM report_period AS p
  INNER JOIN stg_visits AS v ON v.visited_at >= p.start_at AND v.visited_at < p.end_at
  LEFT JOIN stg_grids AS g ON g.grid_code = v.grid_code
  WHERE p.period_window IN ('current', 'previous') AND p.period_kind <> 'year'
),
whistles_counted AS (
  SELECT
    period_kind,
    period_sort,
    period_name,
    CASE
      WHEN grouping(category) = 0 THEN 'category'
      WHEN grouping(department) = 0 THEN 'department'
      WHEN grouping(grid_code) = 0 THEN 'grid'
      WHEN grouping(community_code) = 0 THEN 'community'
      ELSE 'subdistrict'
    END AS dimension,
    coalesce(category, department, grid_code, community_code, subdistrict_code) AS member_code,
    coalesce(category, department, grid_name, community_name, subdistrict_name) AS member_name,
    subdistrict_name,
    count(*) FILTER (WHERE is_reported AND is_current) AS reported_now,
    count(*) FILTER (WHERE is_reported AND NOT is_current) AS reported_before,
    count(*) FILTER (WHERE is_due AND is_current) AS due_now,
    count(*) FILTER (WHERE is_due AND NOT is_current) AS due_before,
    count(*) FILTER (WHERE is_on_time AND is_current) AS on_time_now,
    count(*) FILTER (WHERE is_on_time AND NOT is_current) AS on_time_before
  FROM whistles
  GROUP BY GROUPING SETS (
    (period_kind, period_sort, period_name, subdistrict_code, subdistrict_name),
    (period_kind, period_sort, period_name, subdistrict_name, community_code, community_name),
    (period_kind, period_sort, period_name, subdistrict_name, grid_code, grid_name),
    (period_kind, period_sort, period_name, category),
    (period_kind, period_sort, period_name, department)
  )
),
visits_counted AS (
  SELECT
    period_kind,
    period_sort,
    period_name,
    CASE
      WHEN grouping(grid_code) = 0 THEN 'grid' WHEN grouping(community_code) = 0 THEN 'community' ELSE 'subdistrict'
    END AS dimension,
    coalesce(grid_code, community_code, subdistrict_code) AS member_code,
    coalesce(grid_name, community_name, subdistrict_name) AS member_name,
    subdistrict_name,
    count(*) FILTER (WHERE is_current) AS visits_now,
    count(*) FILTER (WHERE NOT is_current) AS visits_before
  FROM visits
  GROUP BY GROUPING SETS (
    (period_kind, period_sort, period_name, subdistrict_code, subdistrict_name),
    (period_kind, period_sort, period_name, subdistrict_name, community_code, community_name),
    (period_kind, period_sort, period_name, subdistrict_name, grid_code, grid_name)
  )
),
totalled AS (
  SELECT
    *,
    sum(due_now) OVER (PARTITION BY period_kind, dimension) AS due_total_now,
    sum(due_before) OVER (PARTITION BY period_kind, dimension) AS due_total_before,
    rate(
      sum(on_time_before) OVER (PARTITION BY period_kind, dimension),
      sum(due_before) OVER (PARTITION BY period_kind, dimension)
    ) AS rate_before
  FROM whistles_counted
),
closed AS (
  SELECT DISTINCT month FROM closed_figures
),
revised AS (
  SELECT
    t.period_kind,
    t.period_sort,
    t.period_name,
    t.dimension,
    sum(t.reported_before) - max(p.reported_count) AS reported,
    sum(t.due_before - t.on_time_before) - max(p.due_late_count) AS late,
    100 * (rate(sum(t.on_time_before), sum(t.due_before)) - max(p.on_time_rate)) AS points
  FROM totalled AS t
  INNER JOIN whistle_by_period AS p
    ON p.period_kind = t.period_kind AND p.period_window = 'previous' AND p.level = '合计'
  INNER JOIN closed AS m ON m.month = p.whole_month
  GROUP BY t.period_kind, t.period_sort, t.period_name, t.dimension
),
visits_revised AS (
  SELECT
    c.period_kind,
    c.period_sort,
    c.period_name,
    c.dimension,
    sum(c.visits_before) - max(p.visit_count) AS visits
  FROM visits_counted AS c
  INNER JOIN visit_by_period AS p ON p.period_kind = c.period_kind AND p.period_window = 'previous'
  INNER JOIN closed AS m ON m.month = p.whole_month
  GROUP BY c.period_kind, c.period_sort, c.period_name, c.dimension
),
corrections AS (
  SELECT period_kind, period_sort, period_name, 'whistle_reported' AS indicator, dimension, reported AS contribution
  FROM revised
  WHERE reported <> 0
  UNION ALL
  SELECT period_kind, period_sort, period_name, 'whistle_late', dimension, late FROM revised WHERE late <> 0
  UNION ALL
  SELECT period_kind, period_sort, period_name, 'on_time_rate', dimension, points FROM revised WHERE abs(points) > 1e-9
  UNION ALL
  SELECT period_kind, period_sort, period_name, 'visit', dimension, visits FROM visits_revised WHERE visits <> 0
),
long AS (
  SELECT
    'whistle_reported' AS indicator,
    *,
    CAST(reported_now AS DOUBLE) AS now_value,
    CAST(reported_before AS DOUBLE) AS before_value,
    CAST(reported_now - reported_before AS DOUBLE) AS contribution
  FROM totalled
  WHERE reported_now > 0 OR reported_before > 0
  UNION ALL
  SELECT
    'whistle_late' AS indicator,
    *,
    CAST(due_now - on_time_now AS DOUBLE) AS now_value,
    CAST(due_before - on_time_before AS DOUBLE) AS before_value,
    CAST(due_now - on_time_now - due_before + on_time_before AS DOUBLE) AS contribution
  FROM totalled
  WHERE due_now > on_time_now OR due_before > on_time_before
  UNION ALL
  SELECT
    'on_time_rate' AS indicator,
    *,
    rate(on_time_now, due_now) AS now_value,
    rate(on_time_before, due_before) AS before_value,
    100 * (
      rate(on_time_now - rate_before * due_now, due_total_now)
      - rate(on_time_before - rate_before * due_before, due_total_before)
    ) AS contribution
  FROM totalled
  WHERE due_now > 0 OR due_before > 0
)
SELECT
  period_kind,
  period_sort,
  period_name,
  indicator,
  dimension,
  member_code,
  member_name,
  subdistrict_name,
  before_value,
  now_value,
  contribution
FROM long
UNION ALL
SELECT
  period_kind,
  period_sort,
  period_name,
  'visit' AS indicator,
  dimension,
  member_code,
  member_name,
  subdistrict_name,
  CAST(visits_before AS DOUBLE) AS before_value,
  CAST(visits_now AS DOUBLE) AS now_value,
  CAST(visits_now - visits_before AS DOUBLE) AS contribution
FROM visits_counted
UNION ALL
SELECT
  period_kind,
  period_sort,
  period_name,
  indicator,
  dimension,
  '修订' AS member_code,
  '上期数修订' AS member_name,
  NULL AS subdistrict_name,
  NULL AS before_value,
  NULL AS now_value,
  CAST(contribution AS DOUBLE) AS contribution
FROM corrections

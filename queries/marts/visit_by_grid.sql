-- Counts only. Places above the grid come from visit_by_place.
-- Due for a visit once in 180 days (an ordinary household twice a year): every lived-in dwelling (自住, 出租) and every open shop (营业).
-- A visit to a resident counts for the dwelling that resident lives in, and an object counts once
-- however often it was seen, in the grid it stands in; so visited is never more than due.
WITH flagged AS (
  SELECT
    grid_code,
    visitor,
    visited_at,
    method = '上门' AS is_doorstep,
    subject_kind IN ('居民', '房屋') AS is_household,
    issue_flag,
    issue_flag AND is_whistled AS is_to_whistle,
    visited_at >= date_trunc('month', as_of_end() - INTERVAL '1 day') AS is_month,
    visited_at >= date_trunc('year', as_of_end() - INTERVAL '1 day') AS is_year,
    visited_at >= as_of_end() - INTERVAL '180 days' AS is_180d
  FROM stg_visits
),
counted AS (
  SELECT
    grid_code,
    count(*) AS visit_count,
    count(*) FILTER (WHERE is_month) AS visit_count_month,
    count(*) FILTER (WHERE is_year) AS visit_count_year,
    count(*) FILTER (WHERE is_180d) AS visit_count_180d,
    count(*) FILTER (WHERE is_month AND is_household) AS household_visit_count_month,
    count(*) FILTER (WHERE is_year AND is_household) AS household_visit_count_year,
    count(*) FILTER (WHERE is_year AND is_doorstep) AS doorstep_visit_count_year,
    count(*) FILTER (WHERE is_month AND issue_flag) AS issue_count_month,
    count(*) FILTER (WHERE is_year AND issue_flag) AS issue_count_year,
    count(*) FILTER (WHERE is_month AND is_to_whistle) AS to_whistle_count_month,
    count(*) FILTER (WHERE is_year AND is_to_whistle) AS to_whistle_count_year,
    count(DISTINCT CASE WHEN is_month THEN visitor END) AS visitor_count_month,
    count(DISTINCT CASE WHEN is_year THEN visitor END) AS visitor_count_year,
    max(visited_at) AS last_visited_at
  FROM flagged
  GROUP BY grid_code
),
recent AS (
  SELECT subject_kind, subject_id
  FROM stg_visits
  WHERE visited_at >= as_of_end() - INTERVAL '180 days'
),
seen_dwellings AS (
  SELECT subject_id AS dwelling_id
  FROM recent
  WHERE subject_kind = '房屋'
  UNION
  SELECT r.dwelling_id
  FROM recent AS s
  INNER JOIN stg_residents AS r ON r.resident_id = s.subject_id
  WHERE s.subject_kind = '居民' AND r.dwelling_id IS NOT NULL
),
seen_shops AS (
  SELECT DISTINCT subject_id AS shop_id
  FROM recent
  WHERE subject_kind = '商铺'
),
seen AS (
  SELECT d.grid_code, count(*) AS dwelling_count, 0 AS shop_count
  FROM seen_dwellings AS s
  INNER JOIN stg_dwellings AS d ON d.dwelling_id = s.dwelling_id
  WHERE d.use IN ('自住', '出租')
  GROUP BY d.grid_code
  UNION ALL
  SELECT h.grid_code, 0 AS dwelling_count, count(*) AS shop_count
  FROM seen_shops AS s
  INNER JOIN stg_shops AS h ON h.shop_id = s.shop_id
  WHERE h.is_open
  GROUP BY h.grid_code
),
seen_by_grid AS (
  SELECT
    grid_code,
    sum(dwelling_count) AS dwelling_count,
    sum(shop_count) AS shop_count
  FROM seen
  GROUP BY grid_code
)
SELECT
  g.grid_code,
  g.grid_name,
  g.community_code,
  g.community_name,
  g.subdistrict_code,
  g.subdistrict_name,
  coalesce(c.visit_count, 0) AS visit_count,
  coalesce(c.visit_count_month, 0) AS visit_count_month,
  coalesce(c.visit_count_year, 0) AS visit_count_year,
  coalesce(c.visit_count_180d, 0) AS visit_count_180d,
  coalesce(c.household_visit_count_month, 0) AS household_visit_count_month,
  coalesce(c.household_visit_count_year, 0) AS household_visit_count_year,
  coalesce(c.doorstep_visit_count_year, 0) AS doorstep_visit_count_year,
  coalesce(c.issue_count_month, 0) AS issue_count_month,
  coalesce(c.issue_count_year, 0) AS issue_count_year,
  coalesce(c.to_whistle_count_month, 0) AS to_whistle_count_month,
  coalesce(c.to_whistle_count_year, 0) AS to_whistle_count_year,
  coalesce(c.visitor_count_month, 0) AS visitor_count_month,
  coalesce(c.visitor_count_year, 0) AS visitor_count_year,
  coalesce(n.dwelling_count, 0) AS dwellings_seen_180d,
  coalesce(d.self_used_count + d.rental_count, 0) AS dwellings_due,
  coalesce(n.shop_count, 0) AS shops_seen_180d,
  coalesce(h.open_count, 0) AS shops_due,
  c.last_visited_at
FROM stg_grids AS g
LEFT JOIN shop_by_grid AS h ON h.grid_code = g.grid_code
LEFT JOIN counted AS c ON c.grid_code = g.grid_code
LEFT JOIN seen_by_grid AS n ON n.grid_code = g.grid_code
LEFT JOIN dwelling_by_grid AS d ON d.grid_code = g.grid_code
ORDER BY g.grid_code

-- Shops are counted in the grid they stand in, checks and hazards in the grid they were recorded for.
WITH shop_counts AS (
  SELECT
    s.grid_code,
    count(*) AS shop_count,
    count(s.nine_small) AS nine_small_count,
    count(k.shop_id) AS checked_shop_count_year,
    count(k.shop_id) FILTER (WHERE s.is_nine_small) AS checked_nine_small_count_year
  FROM stg_shops AS s
  LEFT JOIN (
    SELECT DISTINCT shop_id
    FROM stg_shop_checks
    WHERE checked_at >= date_trunc('year', as_of_end() - INTERVAL '1 day')
  ) AS k ON k.shop_id = s.shop_id
  GROUP BY s.grid_code
),
flagged AS (
  SELECT
    grid_code,
    hazard_count,
    has_hazard,
    is_hazard_open,
    is_overdue,
    checked_at >= date_trunc('month', as_of_end() - INTERVAL '1 day') AS is_month,
    checked_at >= date_trunc('year', as_of_end() - INTERVAL '1 day') AS is_year
  FROM stg_shop_checks
),
check_counts AS (
  SELECT
    grid_code,
    count(*) FILTER (WHERE is_month) AS check_count_month,
    count(*) FILTER (WHERE is_year) AS check_count_year,
    sum(hazard_count) FILTER (WHERE is_month) AS hazard_count_month,
    sum(hazard_count) FILTER (WHERE is_year) AS hazard_count_year,
    count(*) FILTER (WHERE is_year AND has_hazard) AS hazard_check_count_year,
    count(*) FILTER (WHERE is_year AND has_hazard AND NOT is_hazard_open) AS rectified_check_count_year,
    count(*) FILTER (WHERE is_hazard_open) AS open_check_count,
    sum(hazard_count) FILTER (WHERE is_hazard_open) AS open_hazard_count,
    count(*) FILTER (WHERE is_overdue) AS overdue_check_count
  FROM flagged
  GROUP BY grid_code
),
rolled AS (
  SELECT
    CASE
      WHEN grouping(g.grid_code) = 0 THEN 'grid'
      WHEN grouping(g.community_code) = 0 THEN 'community'
      WHEN grouping(g.subdistrict_code) = 0 THEN 'subdistrict'
      ELSE 'district'
    END AS place_level,
    left(min(g.subdistrict_code), 6) AS district_code,
    g.subdistrict_code,
    g.subdistrict_name,
    g.community_code,
    g.community_name,
    g.grid_code,
    g.grid_name,
    coalesce(sum(s.shop_count), 0) AS shop_count,
    coalesce(sum(s.nine_small_count), 0) AS nine_small_count,
    coalesce(sum(s.checked_shop_count_year), 0) AS checked_shop_count_year,
    coalesce(sum(s.checked_nine_small_count_year), 0) AS checked_nine_small_count_year,
    coalesce(sum(c.check_count_month), 0) AS check_count_month,
    coalesce(sum(c.check_count_year), 0) AS check_count_year,
    coalesce(sum(c.hazard_count_month), 0) AS hazard_count_month,
    coalesce(sum(c.hazard_count_year), 0) AS hazard_count_year,
    coalesce(sum(c.hazard_check_count_year), 0) AS hazard_check_count_year,
    coalesce(sum(c.rectified_check_count_year), 0) AS rectified_check_count_year,
    coalesce(sum(c.open_check_count), 0) AS open_check_count,
    coalesce(sum(c.open_hazard_count), 0) AS open_hazard_count,
    coalesce(sum(c.overdue_check_count), 0) AS overdue_check_count
  FROM stg_grids AS g
  LEFT JOIN shop_counts AS s ON s.grid_code = g.grid_code
  LEFT JOIN check_counts AS c ON c.grid_code = g.grid_code
  GROUP BY GROUPING SETS (
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name, g.grid_code, g.grid_name),
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name),
    (g.subdistrict_code, g.subdistrict_name),
    ()
  )
)
SELECT
  place_level,
  coalesce(grid_code, community_code, subdistrict_code, district_code) AS place_code,
  coalesce(grid_name, community_name, subdistrict_name, '全区') AS place_name,
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  grid_code,
  shop_count,
  checked_shop_count_year,
  rate(checked_shop_count_year, shop_count) AS checked_shop_rate_year,
  nine_small_count,
  checked_nine_small_count_year,
  rate(checked_nine_small_count_year, nine_small_count) AS checked_nine_small_rate_year,
  check_count_month,
  check_count_year,
  hazard_count_month,
  hazard_count_year,
  hazard_check_count_year,
  rate(hazard_check_count_year, check_count_year) AS hazard_check_rate_year,
  rectified_check_count_year,
  rate(rectified_check_count_year, hazard_check_count_year) AS rectified_rate_year,
  open_check_count,
  open_hazard_count,
  overdue_check_count,
  rate(overdue_check_count, open_check_count) AS overdue_rate
FROM rolled
ORDER BY place_code

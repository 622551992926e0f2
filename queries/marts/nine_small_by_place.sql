-- Only combinations that occur: most grids have none of most classes.
WITH checked_this_year AS (
  SELECT DISTINCT shop_id
  FROM stg_shop_checks
  WHERE checked_at >= date_trunc('year', as_of_end() - INTERVAL '1 day')
),
counted AS (
  SELECT
    s.grid_code,
    s.nine_small,
    count(*) AS shop_count,
    sum(s.employees) AS employee_count,
    count(*) FILTER (WHERE s.fire_ok) AS fire_ok_count,
    count(s.fire_ok) AS fire_assessed_count,
    count(k.shop_id) AS checked_shop_count_year,
    count(*) FILTER (WHERE s.area_m2 > l.limit_value) AS over_limit_count
  FROM stg_shops AS s
  LEFT JOIN checked_this_year AS k ON k.shop_id = s.shop_id
  LEFT JOIN stg_nine_small_limits AS l ON l.class = s.nine_small AND l.unit = '平方米'
  WHERE s.is_nine_small
  GROUP BY s.grid_code, s.nine_small
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
    c.nine_small,
    sum(c.shop_count) AS shop_count,
    sum(c.employee_count) AS employee_count,
    sum(c.fire_ok_count) AS fire_ok_count,
    sum(c.fire_assessed_count) AS fire_assessed_count,
    sum(c.checked_shop_count_year) AS checked_shop_count_year,
    sum(c.over_limit_count) AS over_limit_count
  FROM counted AS c
  INNER JOIN stg_grids AS g ON g.grid_code = c.grid_code
  GROUP BY GROUPING SETS (
    (
      g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name, g.grid_code, g.grid_name,
      c.nine_small
    ),
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name, c.nine_small),
    (g.subdistrict_code, g.subdistrict_name, c.nine_small),
    (c.nine_small)
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
  nine_small,
  code_sort('九小场所', nine_small) AS nine_small_sort,
  shop_count,
  coalesce(employee_count, 0) AS employee_count,
  fire_ok_count,
  fire_assessed_count,
  rate(fire_ok_count, fire_assessed_count) AS fire_ok_rate,
  checked_shop_count_year,
  rate(checked_shop_count_year, shop_count) AS checked_shop_rate_year,
  over_limit_count
FROM rolled
ORDER BY place_code, nine_small_sort, nine_small

WITH rolled AS (
  SELECT
    CASE WHEN grouping(g.subdistrict_code) = 0 THEN 'subdistrict' ELSE 'district' END AS place_level,
    left(min(g.subdistrict_code), 6) AS district_code,
    g.subdistrict_code,
    g.subdistrict_name,
    s.category,
    count(*) AS shop_count,
    count(*) FILTER (WHERE s.is_open) AS open_count,
    count(s.nine_small) AS nine_small_count,
    sum(s.employees) AS employee_count,
    count(*) FILTER (WHERE s.fire_ok) AS fire_ok_count,
    count(s.fire_ok) AS fire_assessed_count,
    count(*) FILTER (WHERE s.food_ok) AS food_ok_count,
    count(s.food_ok) AS food_assessed_count
  FROM stg_shops AS s
  INNER JOIN stg_grids AS g ON g.grid_code = s.grid_code
  GROUP BY GROUPING SETS (
    (g.subdistrict_code, g.subdistrict_name, s.category),
    (s.category)
  )
)
SELECT
  place_level,
  coalesce(subdistrict_code, district_code) AS place_code,
  coalesce(subdistrict_name, '全区') AS place_name,
  category,
  code_sort('商铺类别', category) AS category_sort,
  shop_count,
  sum(shop_count) OVER (PARTITION BY place_level, subdistrict_code) AS place_shop_count,
  rate(shop_count, sum(shop_count) OVER (PARTITION BY place_level, subdistrict_code)) AS share_rate,
  open_count,
  nine_small_count,
  coalesce(employee_count, 0) AS employee_count,
  fire_ok_count,
  fire_assessed_count,
  rate(fire_ok_count, fire_assessed_count) AS fire_ok_rate,
  food_ok_count,
  food_assessed_count,
  rate(food_ok_count, food_assessed_count) AS food_ok_rate
FROM rolled
ORDER BY place_code, category_sort, category

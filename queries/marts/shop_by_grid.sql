-- Counts only, so that every level above can be added up; the rates are in shop_by_place.
WITH counted AS (
  SELECT
    grid_code,
    count(*) AS shop_count,
    count(*) FILTER (WHERE is_open) AS open_count,
    count(*) FILTER (WHERE is_enterprise) AS enterprise_count,
    count(*) FILTER (WHERE is_individual) AS individual_count,
    count(*) FILTER (WHERE uscc IS NULL) AS uncertified_count,
    count(nine_small) AS nine_small_count,
    count(*) FILTER (WHERE category = '餐饮') AS catering_count,
    sum(employees) AS employee_count,
    count(*) FILTER (WHERE fire_ok) AS fire_ok_count,
    count(fire_ok) AS fire_assessed_count,
    count(*) FILTER (WHERE food_ok) AS food_ok_count,
    count(food_ok) AS food_assessed_count,
    count(*) FILTER (WHERE gas_mode = '瓶装') AS bottled_gas_count,
    count(gas_mode) AS gas_answered_count,
    count(*) FILTER (WHERE extinguisher_count = 0) AS no_extinguisher_count,
    count(*) FILTER (WHERE is_licence_expired) AS licence_expired_count
  FROM stg_shops
  GROUP BY grid_code
)
SELECT
  g.grid_code,
  g.grid_name,
  g.community_code,
  g.community_name,
  g.subdistrict_code,
  g.subdistrict_name,
  coalesce(c.shop_count, 0) AS shop_count,
  coalesce(c.open_count, 0) AS open_count,
  coalesce(c.enterprise_count, 0) AS enterprise_count,
  coalesce(c.individual_count, 0) AS individual_count,
  coalesce(c.uncertified_count, 0) AS uncertified_count,
  coalesce(c.nine_small_count, 0) AS nine_small_count,
  coalesce(c.catering_count, 0) AS catering_count,
  coalesce(c.employee_count, 0) AS employee_count,
  coalesce(c.fire_ok_count, 0) AS fire_ok_count,
  coalesce(c.fire_assessed_count, 0) AS fire_assessed_count,
  coalesce(c.food_ok_count, 0) AS food_ok_count,
  coalesce(c.food_assessed_count, 0) AS food_assessed_count,
  coalesce(c.bottled_gas_count, 0) AS bottled_gas_count,
  coalesce(c.gas_answered_count, 0) AS gas_answered_count,
  coalesce(c.no_extinguisher_count, 0) AS no_extinguisher_count,
  coalesce(c.licence_expired_count, 0) AS licence_expired_count
FROM stg_grids AS g
LEFT JOIN counted AS c ON c.grid_code = g.grid_code
ORDER BY g.grid_code

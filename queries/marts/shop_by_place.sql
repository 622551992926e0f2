-- Adds the grids up to community, subdistrict and district; rates are divided last, from the totals.
WITH rolled AS (
  SELECT
    CASE
      WHEN grouping(grid_code) = 0 THEN 'grid'
      WHEN grouping(community_code) = 0 THEN 'community'
      WHEN grouping(subdistrict_code) = 0 THEN 'subdistrict'
      ELSE 'district'
    END AS place_level,
    left(min(subdistrict_code), 6) AS district_code,
    subdistrict_code,
    subdistrict_name,
    community_code,
    community_name,
    grid_code,
    grid_name,
    sum(shop_count) AS shop_count,
    sum(open_count) AS open_count,
    sum(enterprise_count) AS enterprise_count,
    sum(individual_count) AS individual_count,
    sum(uncertified_count) AS uncertified_count,
    sum(nine_small_count) AS nine_small_count,
    sum(catering_count) AS catering_count,
    sum(employee_count) AS employee_count,
    sum(fire_ok_count) AS fire_ok_count,
    sum(fire_assessed_count) AS fire_assessed_count,
    sum(food_ok_count) AS food_ok_count,
    sum(food_assessed_count) AS food_assessed_count,
    sum(bottled_gas_count) AS bottled_gas_count,
    sum(gas_answered_count) AS gas_answered_count,
    sum(no_extinguisher_count) AS no_extinguisher_count,
    sum(licence_expired_count) AS licence_expired_count
  FROM shop_by_grid
  GROUP BY GROUPING SETS (
    (subdistrict_code, subdistrict_name, community_code, community_name, grid_code, grid_name),
    (subdistrict_code, subdistrict_name, community_code, community_name),
    (subdistrict_code, subdistrict_name),
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
  open_count,
  enterprise_count,
  individual_count,
  shop_count - enterprise_count - individual_count - uncertified_count AS other_registration_count,
  uncertified_count,
  nine_small_count,
  catering_count,
  employee_count,
  fire_ok_count,
  fire_assessed_count,
  rate(fire_ok_count, fire_assessed_count) AS fire_ok_rate,
  food_ok_count,
  food_assessed_count,
  rate(food_ok_count, food_assessed_count) AS food_ok_rate,
  bottled_gas_count,
  gas_answered_count,
  rate(bottled_gas_count, gas_answered_count) AS bottled_gas_rate,
  no_extinguisher_count,
  licence_expired_count
FROM rolled
ORDER BY place_code

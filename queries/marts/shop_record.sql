-- All that the warehouse knows of a shop in force, one row each, with its last safety check: what forms about shops are
-- filled from.
WITH last_checks AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY shop_id ORDER BY checked_at DESC NULLS LAST, check_id) AS position
  FROM stg_shop_checks
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  s.shop_id,
  s.name,
  s.uscc,
  s.category,
  s.nine_small,
  s.owner_name,
  s.phone,
  s.employees,
  s.area_m2,
  s.address,
  s.status,
  s.licence_no,
  s.licence_until,
  s.gas_mode,
  s.extinguisher_count,
  s.sign_photo,
  s.fire_ok,
  s.food_ok,
  c.checked_date,
  c.inspector,
  c.is_fire_ok,
  c.is_gas_ok,
  c.is_electric_ok,
  c.is_exit_ok,
  c.is_sleeping_ok,
  c.hazard_count,
  c.hazard,
  c.measure,
  c.due_date,
  c.responsible,
  c.recheck_result,
  s.updated_at,
  c.updated_at AS check_updated_at
FROM stg_shops AS s
JOIN stg_grids AS g ON g.grid_code = s.grid_code
LEFT JOIN last_checks AS c ON c.shop_id = s.shop_id AND c.position = 1

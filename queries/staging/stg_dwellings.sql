-- Dwellings in force.
SELECT
  dwelling_id,
  address,
  estate,
  building,
  unit,
  room,
  area_m2,
  use,
  use = '出租' AS is_rental,
  use = '空置' AS is_vacant,
  owner_name,
  owner_phone,
  tenant_name,
  tenant_phone,
  rooms_let,
  is_registered,
  is_pledge_signed,
  grid_code,
  updated_at,
  _batch_id,
  _line
FROM dwellings
WHERE record_status = '生效'

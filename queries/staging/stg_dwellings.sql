-- Dwellings in force. door_sort puts 2栋 before 10栋 and 302 before 1101, which the names alone do not.
SELECT
  dwelling_id,
  address,
  estate,
  building,
  unit,
  room,
  concat_ws('/', estate, lpad(building, 12, '0'), lpad(unit, 12, '0'), lpad(room, 12, '0')) AS door_sort,
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

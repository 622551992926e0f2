-- The residents' ledger of a community on duty: numbers and phones in full, special groups without
-- the sensitive ones.
WITH tags AS (
  SELECT
    resident_id,
    string_agg(tag, '、' ORDER BY code_sort('重点人群', tag), tag) AS special_group
  FROM stg_resident_tags
  WHERE NOT is_sensitive
  GROUP BY resident_id
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  r.grid_code,
  r.resident_id,
  g.grid_name,
  d.building,
  d.unit,
  d.room,
  r.name,
  r.sex,
  r.birth_date,
  r.age,
  r.id_number,
  r.phone,
  r.household_type,
  r.education,
  r.marital,
  t.special_group,
  d.address,
  r.updated_at
FROM stg_residents AS r
JOIN stg_grids AS g ON g.grid_code = r.grid_code
LEFT JOIN stg_dwellings AS d ON d.dwelling_id = r.dwelling_id
LEFT JOIN tags AS t ON t.resident_id = r.resident_id
ORDER BY g.community_code, r.grid_code, d.building, d.unit, d.room, r.resident_id

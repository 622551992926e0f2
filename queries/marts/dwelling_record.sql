-- All that the warehouse knows of a dwelling in force, one row each: what forms about dwellings are filled from.
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  d.dwelling_id,
  d.address,
  d.estate,
  d.building,
  d.unit,
  d.room,
  d.door_sort,
  d.area_m2,
  d.use,
  d.owner_name,
  d.owner_phone,
  d.tenant_name,
  d.tenant_phone,
  d.rooms_let,
  d.is_registered,
  d.is_pledge_signed,
  o.person_count,
  v.last_visit_date,
  d.updated_at
FROM stg_dwellings AS d
JOIN occupancy_by_dwelling AS o ON o.dwelling_id = d.dwelling_id
JOIN stg_grids AS g ON g.grid_code = d.grid_code
LEFT JOIN last_visit_by_subject AS v ON v.subject_kind = '房屋' AND v.subject_id = d.dwelling_id

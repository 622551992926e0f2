-- What a visit found stands in for the hazard column until a dwelling inspection is delivered.
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  g.grid_short_name,
  d.dwelling_id,
  d.estate,
  d.building,
  d.unit,
  d.room,
  d.door_sort,
  d.address,
  -- The part after the community, which another column names.
  coalesce(nullif(split_part(d.address, g.community_name, 2), ''), d.address) AS local_address,
  d.owner_name,
  mask_phone(d.owner_phone) AS owner_phone_masked,
  d.tenant_name,
  mask_phone(d.tenant_phone) AS tenant_phone_masked,
  o.person_count,
  d.use,
  d.rooms_let,
  d.area_m2,
  s.dwelling_id IS NOT NULL AS is_group_rental_suspect,
  s.reason AS group_rental_reason,
  d.is_registered,
  d.is_pledge_signed,
  v.last_visit_date,
  v.last_issue_date
FROM stg_dwellings AS d
JOIN occupancy_by_dwelling AS o ON o.dwelling_id = d.dwelling_id
JOIN stg_grids AS g ON g.grid_code = d.grid_code
LEFT JOIN group_rental_suspect_list AS s ON s.dwelling_id = d.dwelling_id
LEFT JOIN last_visit_by_subject AS v ON v.subject_kind = '房屋' AND v.subject_id = d.dwelling_id
WHERE d.is_rental
ORDER BY g.grid_code, d.door_sort, d.address, d.dwelling_id

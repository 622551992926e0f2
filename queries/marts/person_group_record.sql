-- A row per person and special group, without the sensitive groups: what forms about such groups are filled from.
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  r.resident_id,
  t.tag,
  t.level,
  t.since_date,
  t.guardian,
  t.guardian_phone,
  t.visit_cycle_days,
  -- A visit to the dwelling is a visit to those who live in it.
  greatest(vr.last_visit_date, vd.last_visit_date) AS last_visit_date,
  r.name,
  r.sex,
  r.birth_date,
  r.age,
  r.id_type,
  r.id_number,
  r.phone,
  r.household_type,
  r.ethnicity,
  r.education,
  r.marital,
  r.household_id,
  r.relation,
  d.address,
  d.estate,
  d.building,
  r.updated_at,
  t.updated_at AS tag_updated_at,
  d.updated_at AS dwelling_updated_at
FROM stg_resident_tags AS t
JOIN stg_residents AS r ON r.resident_id = t.resident_id
JOIN stg_grids AS g ON g.grid_code = r.grid_code
LEFT JOIN stg_dwellings AS d ON d.dwelling_id = r.dwelling_id
LEFT JOIN last_visit_by_subject AS vr ON vr.subject_kind = '居民' AND vr.subject_id = r.resident_id
LEFT JOIN last_visit_by_subject AS vd ON vd.subject_kind = '房屋' AND vd.subject_id = r.dwelling_id
WHERE NOT t.is_sensitive

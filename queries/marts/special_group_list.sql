-- Sensitive groups are left out here, and with them in every mart built on this list.
WITH listed AS (
  SELECT
    r.grid_code,
    t.tag,
    t.level,
    r.resident_id,
    r.name,
    r.sex,
    r.age,
    r.id_number,
    r.phone,
    r.dwelling_id,
    t.guardian,
    t.guardian_phone,
    t.since_date,
    t.visit_cycle_days
  FROM stg_resident_tags AS t
  JOIN stg_residents AS r ON r.resident_id = t.resident_id
  WHERE NOT t.is_sensitive
),
-- No source names the worker in charge, so the one who visited the grid most often in 90 days stands in.
visitors AS (
  SELECT
    grid_code,
    visitor,
    row_number() OVER (PARTITION BY grid_code ORDER BY count(*) DESC NULLS LAST, visitor) AS position
  FROM stg_visits
  WHERE days_since < 90
  GROUP BY grid_code, visitor
),
-- A visit to the dwelling is a visit to those who live in it. A cycle starts at the last visit, and anew at the recognition: a visit before it was made for another reason.
dated AS (
  SELECT
    l.*,
    d.address,
    greatest(vr.last_visit_date, vd.last_visit_date) AS last_visit_date,
    greatest(vr.last_visit_date, vd.last_visit_date, l.since_date) AS cycle_start_date
  FROM listed AS l
  LEFT JOIN stg_dwellings AS d ON d.dwelling_id = l.dwelling_id
  LEFT JOIN last_visit_by_subject AS vr ON vr.subject_kind = '居民' AND vr.subject_id = l.resident_id
  LEFT JOIN last_visit_by_subject AS vd ON vd.subject_kind = '房屋' AND vd.subject_id = l.dwelling_id
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  g.grid_short_name,
  x.tag,
  x.level,
  x.resident_id,
  x.name,
  x.sex,
  x.age,
  mask_id_number(x.id_number) AS id_number_masked,
  mask_phone(x.phone) AS phone_masked,
  x.address,
  -- The part after the community, which another column names.
  coalesce(nullif(split_part(x.address, g.community_name, 2), ''), x.address) AS local_address,
  x.guardian,
  mask_phone(x.guardian_phone) AS guardian_phone_masked,
  x.since_date,
  v.visitor AS grid_worker,
  x.last_visit_date,
  CAST(as_of_date() AS INT) - CAST(x.last_visit_date AS INT) AS days_since_visit,
  x.visit_cycle_days,
  x.cycle_start_date + x.visit_cycle_days AS visit_due_date,
  CASE
    WHEN x.visit_cycle_days IS NULL THEN false
    ELSE coalesce(as_of_date() > x.cycle_start_date + x.visit_cycle_days, true)
  END AS is_visit_overdue
FROM dated AS x
JOIN stg_grids AS g ON g.grid_code = x.grid_code
LEFT JOIN visitors AS v ON v.grid_code = x.grid_code AND v.position = 1
ORDER BY g.grid_code, code_sort('重点人群', x.tag), x.resident_id, x.tag

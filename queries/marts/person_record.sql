-- All that the warehouse knows of a resident in force, one row each: what forms about persons are filled from.
-- The smaller side of each join stands left, because that is the side the engine builds its table from.
-- Groups are collected unordered with their place in the code list in front, then sorted and stripped of it.
WITH tags AS (
  SELECT
    resident_id,
    regexp_replace(
      array_to_string(
        array_sort(array_agg(concat(lpad(CAST(code_sort('重点人群', tag) AS VARCHAR), 3, '0'), tag))),
        '、'
      ),
      '[0-9]{3}', '', 'g'
    ) AS special_groups,
    bool_or(tag = '低保') AS is_low_income
  FROM stg_resident_tags
  WHERE NOT is_sensitive
  GROUP BY resident_id
),
households AS (
  SELECT household_id, min(name) FILTER (WHERE relation = '户主') AS household_head, count(*) AS household_size
  FROM stg_residents
  WHERE household_id IS NOT NULL
  GROUP BY household_id
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  r.resident_id,
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
  h.household_head,
  h.household_size,
  r.dwelling_id,
  d.address,
  d.estate,
  d.building,
  d.use AS dwelling_use,
  d.owner_name AS landlord_name,
  d.owner_phone AS landlord_phone,
  t.special_groups,
  coalesce(t.is_low_income, false) AS is_low_income,
  -- A visit to the dwelling is a visit to those who live in it.
  greatest(vr.last_visit_date, vd.last_visit_date) AS last_visit_date,
  r.updated_at,
  d.updated_at AS dwelling_updated_at
FROM stg_grids AS g
JOIN (
  last_visit_by_subject AS vd
  RIGHT JOIN (
    last_visit_by_subject AS vr
    RIGHT JOIN (
      tags AS t
      RIGHT JOIN (
        households AS h
        RIGHT JOIN (stg_dwellings AS d RIGHT JOIN stg_residents AS r ON r.dwelling_id = d.dwelling_id)
          ON h.household_id = r.household_id
      ) ON t.resident_id = r.resident_id
    ) ON vr.subject_kind = '居民' AND vr.subject_id = r.resident_id
  ) ON vd.subject_kind = '房屋' AND vd.subject_id = r.dwelling_id
) ON r.grid_code = g.grid_code

-- The residents' ledger of a community on duty: numbers and phones in full, special groups without the
-- sensitive ones.
-- The smaller side of each join stands left, because that is the side the engine builds its table from, and
-- the grids come last: it takes the outcome of a join to be as small as its smaller side.
-- Groups are collected unordered with their place in the code list in front, then sorted and stripped of it:
-- an ordered string_agg takes thirty times as long.
WITH tags AS (
  SELECT
    resident_id,
    regexp_replace(
      array_to_string(
        array_sort(array_agg(concat(lpad(CAST(code_sort('重点人群', tag) AS VARCHAR), 3, '0'), tag))),
        '、'
      ),
      '[0-9]{3}', '', 'g'
    ) AS special_group
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
  g.grid_short_name,
  d.building,
  d.unit,
  d.room,
  d.door_sort,
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
  -- The part after the community, which another column names.
  coalesce(nullif(split_part(d.address, g.community_name, 2), ''), d.address) AS local_address,
  r.updated_at
FROM stg_grids AS g
JOIN (
  tags AS t
  RIGHT JOIN (stg_dwellings AS d RIGHT JOIN stg_residents AS r ON r.dwelling_id = d.dwelling_id)
    ON t.resident_id = r.resident_id
) ON r.grid_code = g.grid_code
ORDER BY r.grid_code, d.door_sort, r.resident_id

-- A row per building of a residential estate, as its dwellings name it: what lists of buildings are filled from.
WITH people AS (
  SELECT
    g.community_code,
    d.estate,
    d.building,
    count(*) AS person_count,
    count(DISTINCT r.household_id) AS household_count
  FROM stg_residents AS r
  JOIN stg_dwellings AS d ON d.dwelling_id = r.dwelling_id
  JOIN stg_grids AS g ON g.grid_code = d.grid_code
  WHERE d.estate IS NOT NULL AND d.building IS NOT NULL
  GROUP BY g.community_code, d.estate, d.building
),
counted AS (
  SELECT
    g.subdistrict_name,
    g.community_code,
    g.community_name,
    d.estate,
    d.building,
    min(d.grid_code) AS grid_code,
    min(d.door_sort) AS door_sort,
    count(*) AS dwelling_count,
    count(DISTINCT d.unit) AS unit_count,
    sum(d.area_m2) AS area_m2,
    max(d.updated_at) AS updated_at
  FROM stg_dwellings AS d
  JOIN stg_grids AS g ON g.grid_code = d.grid_code
  WHERE d.estate IS NOT NULL AND d.building IS NOT NULL
  GROUP BY g.subdistrict_name, g.community_code, g.community_name, d.estate, d.building
)
SELECT
  concat(c.community_code, '-', c.estate, '-', c.building) AS building_id,
  concat(c.community_code, '-', c.estate) AS estate_id,
  c.estate,
  c.building,
  c.subdistrict_name,
  c.community_code,
  c.community_name,
  c.grid_code,
  c.door_sort,
  c.dwelling_count,
  c.unit_count,
  c.area_m2,
  coalesce(p.household_count, 0) AS household_count,
  coalesce(p.person_count, 0) AS person_count,
  c.updated_at
FROM counted AS c
LEFT JOIN people AS p
  ON p.community_code = c.community_code AND p.estate = c.estate AND p.building = c.building

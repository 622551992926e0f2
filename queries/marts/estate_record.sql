-- A row per residential estate of a community, as its dwellings name it: what forms about estates are filled from.
WITH people AS (
  SELECT
    d.grid_code,
    d.estate,
    count(*) AS person_count,
    count(DISTINCT r.household_id) AS household_count
  FROM stg_residents AS r
  JOIN stg_dwellings AS d ON d.dwelling_id = r.dwelling_id
  WHERE d.estate IS NOT NULL
  GROUP BY d.grid_code, d.estate
),
counted AS (
  SELECT
    grid_code,
    estate,
    count(*) AS dwelling_count,
    count(*) FILTER (WHERE use = '自住') AS self_used_count,
    count(*) FILTER (WHERE is_rental) AS rental_count,
    count(*) FILTER (WHERE is_vacant) AS vacant_count,
    count(DISTINCT building) AS building_count,
    sum(area_m2) AS area_m2,
    max(updated_at) AS updated_at
  FROM stg_dwellings
  WHERE estate IS NOT NULL
  GROUP BY grid_code, estate
)
SELECT
  concat(g.community_code, '-', c.estate) AS estate_id,
  c.estate,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  min(c.grid_code) AS grid_code,
  sum(c.building_count) AS building_count,
  sum(c.dwelling_count) AS dwelling_count,
  sum(c.self_used_count) AS self_used_count,
  sum(c.rental_count) AS rental_count,
  sum(c.vacant_count) AS vacant_count,
  sum(c.area_m2) AS area_m2,
  coalesce(sum(p.household_count), 0) AS household_count,
  coalesce(sum(p.person_count), 0) AS person_count,
  max(c.updated_at) AS updated_at
FROM counted AS c
JOIN stg_grids AS g ON g.grid_code = c.grid_code
LEFT JOIN people AS p ON p.grid_code = c.grid_code AND p.estate = c.estate
GROUP BY g.subdistrict_name, g.community_code, g.community_name, c.estate

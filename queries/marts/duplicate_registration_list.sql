-- The same document number in force in more than one community. 人户分离 makes some of these right,
-- so the list is for the communities to settle between them. A CTE is computed once for each use, so
-- everything after the first pass is done with windows over the few rows that repeat.
WITH repeated AS (
  SELECT id_number
  FROM stg_residents
  WHERE id_number IS NOT NULL
  GROUP BY id_number
  HAVING count(*) > 1
),
records AS (
  SELECT
    r.id_type,
    r.id_number,
    r.resident_id,
    r.name,
    r.household_type,
    r.updated_at,
    g.subdistrict_code,
    g.subdistrict_name,
    g.community_code,
    g.community_name,
    g.grid_code,
    g.grid_name,
    count(*) OVER (PARTITION BY r.id_type, r.id_number) AS record_count,
    dense_rank() OVER (PARTITION BY r.id_type, r.id_number ORDER BY g.community_code) AS community_rank
  FROM repeated AS d
  JOIN stg_residents AS r ON r.id_number = d.id_number
  JOIN stg_grids AS g ON g.grid_code = r.grid_code
),
across AS (
  SELECT *, max(community_rank) OVER (PARTITION BY id_type, id_number) AS community_count
  FROM records
)
SELECT
  dense_rank() OVER (ORDER BY id_type, id_number) AS group_number,
  id_type,
  mask_id_number(id_number) AS id_number_masked,
  mask_name(name) AS name_masked,
  resident_id,
  household_type,
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  grid_code,
  grid_name,
  updated_at,
  record_count,
  community_count
FROM across
WHERE community_count > 1
ORDER BY group_number, community_code, resident_id

-- The same document number in force in more than one community. 人户分离 makes some of these right,
-- so the list is for the communities to settle between them.
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
    g.grid_name
  FROM stg_residents AS r
  JOIN repeated AS d ON d.id_number = r.id_number
  JOIN stg_grids AS g ON g.grid_code = r.grid_code
),
across AS (
  SELECT
    id_type,
    id_number,
    count(*) AS record_count,
    count(DISTINCT community_code) AS community_count,
    row_number() OVER (ORDER BY id_type, id_number) AS group_number
  FROM records
  GROUP BY id_type, id_number
  HAVING count(DISTINCT community_code) > 1
)
SELECT
  a.group_number,
  r.id_type,
  mask_id_number(r.id_number) AS id_number_masked,
  mask_name(r.name) AS name_masked,
  r.resident_id,
  r.household_type,
  r.subdistrict_code,
  r.subdistrict_name,
  r.community_code,
  r.community_name,
  r.grid_code,
  r.grid_name,
  r.updated_at,
  a.record_count,
  a.community_count
FROM across AS a
JOIN records AS r ON r.id_type = a.id_type AND r.id_number = a.id_number
ORDER BY a.group_number, r.community_code, r.resident_id

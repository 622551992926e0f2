-- The one pass that brings residents and dwellings together; kept, because two marts and a list read it.
WITH residents_counted AS (
  SELECT dwelling_id, count(*) AS person_count
  FROM stg_residents
  WHERE dwelling_id IS NOT NULL
  GROUP BY dwelling_id
)
SELECT
  d.dwelling_id,
  d.grid_code,
  d.use,
  d.is_rental,
  d.is_vacant,
  d.area_m2,
  d.rooms_let,
  coalesce(r.person_count, 0) AS person_count
FROM stg_dwellings AS d
LEFT JOIN residents_counted AS r ON r.dwelling_id = d.dwelling_id

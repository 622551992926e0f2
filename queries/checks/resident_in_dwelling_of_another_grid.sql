-- 人房不一致: the person's grid and the grid of the dwelling they are registered in differ.
SELECT
  r.resident_id,
  r.grid_code AS resident_grid_code,
  r.dwelling_id,
  d.grid_code AS dwelling_grid_code
FROM stg_residents AS r
INNER JOIN stg_dwellings AS d ON d.dwelling_id = r.dwelling_id
WHERE r.grid_code <> d.grid_code
ORDER BY r.resident_id

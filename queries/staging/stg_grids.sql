SELECT
  grid_code,
  grid_name,
  community_code,
  community_name,
  subdistrict_code,
  subdistrict_name
FROM grids

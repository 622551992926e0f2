SELECT
  place_code,
  CASE length(place_code) WHEN 9 THEN 'subdistrict' ELSE 'community' END AS place_level,
  tile_row,
  tile_column
FROM map_tiles

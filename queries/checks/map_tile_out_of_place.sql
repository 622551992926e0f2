-- A place without a tile is missing from every map; of two tiles at one spot one would cover the other.
WITH places AS (
  SELECT subdistrict_code AS place_code FROM stg_subdistricts
  UNION ALL
  SELECT community_code FROM stg_communities
),
spots AS (
  SELECT place_code, count(*) OVER (PARTITION BY place_level, tile_row, tile_column) AS tiles_there FROM stg_map_tiles
)
SELECT p.place_code, '没有方块' AS problem
FROM places AS p
LEFT ANTI JOIN stg_map_tiles AS t ON t.place_code = p.place_code
UNION ALL
SELECT t.place_code, '编码不在街道、社区表中'
FROM stg_map_tiles AS t
LEFT ANTI JOIN places AS p ON p.place_code = t.place_code
UNION ALL
SELECT place_code, '与别的方块重叠' FROM spots WHERE tiles_there > 1
ORDER BY place_code, problem

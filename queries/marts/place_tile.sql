WITH places AS (
  SELECT
    'subdistrict' AS place_level, subdistrict_code AS place_code, subdistrict_name AS place_name,
    CAST(NULL AS VARCHAR) AS group_name
  FROM stg_subdistricts
  UNION ALL
  SELECT 'community', community_code, community_name, subdistrict_name FROM stg_communities
)
SELECT p.place_level, p.place_code, p.place_name, p.group_name, t.tile_row, t.tile_column
FROM places AS p
JOIN stg_map_tiles AS t ON t.place_code = p.place_code

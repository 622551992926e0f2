-- grid_short_name is what a list needs that names the community in another column.
SELECT
  grid_code,
  grid_name,
  CASE
    WHEN starts_with(grid_name, community_name) AND char_length(grid_name) > char_length(community_name)
      THEN substr(grid_name, char_length(community_name) + 1)
    ELSE grid_name
  END AS grid_short_name,
  community_code,
  community_name,
  subdistrict_code,
  subdistrict_name
FROM grids

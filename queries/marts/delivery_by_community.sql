-- What has come of each community: rows the district took, whatever their status, and visits of the last 30 days. A community
-- of which nothing has come is 未报; its figures are not 0, they are not known.
WITH placed AS (
  SELECT table_name, grid_code, count(*) AS row_count
  FROM stg_accepted_rows
  WHERE parent_table IS NULL AND grid_code IS NOT NULL
  GROUP BY table_name, grid_code
),
counted AS (
  SELECT g.community_code, sum(p.row_count) AS accepted_count, count(DISTINCT p.table_name) AS table_count
  FROM placed AS p
  INNER JOIN stg_grids AS g ON g.grid_code = p.grid_code
  GROUP BY g.community_code
),
visited AS (
  SELECT g.community_code, count(*) AS visit_count_30d, max(v.visited_date) AS last_visited_date
  FROM stg_visits AS v
  INNER JOIN stg_grids AS g ON g.grid_code = v.grid_code
  WHERE v.visited_date > as_of_date() - 30
  GROUP BY g.community_code
)
SELECT
  c.community_code,
  c.community_name,
  c.subdistrict_code,
  c.subdistrict_name,
  coalesce(n.accepted_count, 0) AS accepted_count,
  coalesce(n.table_count, 0) AS table_count,
  n.community_code IS NULL AS is_unreported,
  coalesce(v.visit_count_30d, 0) AS visit_count_30d,
  n.community_code IS NOT NULL AND v.community_code IS NULL AS is_visit_unreported
FROM stg_communities AS c
LEFT JOIN counted AS n ON n.community_code = c.community_code
LEFT JOIN visited AS v ON v.community_code = c.community_code
ORDER BY c.community_code

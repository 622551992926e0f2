-- Within one group a person appears once (resident and group are the key), so occurrences are persons.
WITH places AS (
  SELECT
    subdistrict_code,
    subdistrict_name,
    community_code,
    community_name,
    grid_code,
    grid_name,
    tag,
    visit_cycle_days,
    is_visit_overdue
  FROM special_group_list
),
rolled AS (
  SELECT
    CASE
      WHEN grouping(grid_code) = 0 THEN 'grid'
      WHEN grouping(community_code) = 0 THEN 'community'
      WHEN grouping(subdistrict_code) = 0 THEN 'subdistrict'
      ELSE 'district'
    END AS place_level,
    left(min(subdistrict_code), 6) AS district_code,
    subdistrict_code,
    subdistrict_name,
    community_code,
    community_name,
    grid_code,
    grid_name,
    tag,
    count(*) AS person_count,
    count(visit_cycle_days) AS due_count,
    count(*) FILTER (WHERE is_visit_overdue) AS overdue_count
  FROM places
  GROUP BY GROUPING SETS (
    (subdistrict_code, subdistrict_name, community_code, community_name, grid_code, grid_name, tag),
    (subdistrict_code, subdistrict_name, community_code, community_name, tag),
    (subdistrict_code, subdistrict_name, tag),
    (tag)
  )
)
SELECT
  place_level,
  coalesce(grid_code, community_code, subdistrict_code, district_code) AS place_code,
  coalesce(grid_name, community_name, subdistrict_name, '全区') AS place_name,
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  grid_code,
  tag,
  code_sort('重点人群', tag) AS tag_order,
  person_count,
  due_count,
  overdue_count,
  rate(overdue_count, due_count) AS overdue_rate
FROM rolled

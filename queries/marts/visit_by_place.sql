-- Grid workers are told apart by community and name: the same name in two communities is two people,
-- in two grids of one community one. So workers are counted anew for a community and added up above it.
WITH workers AS (
  SELECT
    g.community_code,
    count(DISTINCT CASE WHEN v.visited_at >= date_trunc('month', as_of_end() - INTERVAL '1 day') THEN v.visitor END)
      AS visitor_count_month,
    count(DISTINCT v.visitor) AS visitor_count_year
  FROM stg_visits AS v
  INNER JOIN stg_grids AS g ON g.grid_code = v.grid_code
  WHERE v.visited_at >= date_trunc('year', as_of_end() - INTERVAL '1 day')
  GROUP BY g.community_code
),
communities AS (
  SELECT
    subdistrict_code,
    subdistrict_name,
    community_code,
    community_name,
    sum(visit_count) AS visit_count,
    sum(visit_count_month) AS visit_count_month,
    sum(visit_count_year) AS visit_count_year,
    sum(visit_count_180d) AS visit_count_180d,
    sum(household_visit_count_month) AS household_visit_count_month,
    sum(household_visit_count_year) AS household_visit_count_year,
    sum(doorstep_visit_count_year) AS doorstep_visit_count_year,
    sum(issue_count_month) AS issue_count_month,
    sum(issue_count_year) AS issue_count_year,
    sum(to_whistle_count_month) AS to_whistle_count_month,
    sum(to_whistle_count_year) AS to_whistle_count_year,
    sum(dwellings_seen_180d) AS dwellings_seen_180d,
    sum(dwellings_due) AS dwellings_due,
    sum(shops_seen_180d) AS shops_seen_180d,
    sum(shops_due) AS shops_due,
    max(last_visited_at) AS last_visited_at
  FROM visit_by_grid
  GROUP BY subdistrict_code, subdistrict_name, community_code, community_name
),
rolled AS (
  SELECT
    CASE
      WHEN grouping(c.community_code) = 0 THEN 'community'
      WHEN grouping(c.subdistrict_code) = 0 THEN 'subdistrict'
      ELSE 'district'
    END AS place_level,
    coalesce(c.community_code, c.subdistrict_code, left(min(c.subdistrict_code), 6)) AS place_code,
    coalesce(c.community_name, c.subdistrict_name, '全区') AS place_name,
    c.subdistrict_code,
    c.subdistrict_name,
    c.community_code,
    c.community_name,
    CAST(NULL AS VARCHAR) AS grid_code,
    sum(c.visit_count) AS visit_count,
    sum(c.visit_count_month) AS visit_count_month,
    sum(c.visit_count_year) AS visit_count_year,
    sum(c.visit_count_180d) AS visit_count_180d,
    sum(c.household_visit_count_month) AS household_visit_count_month,
    sum(c.household_visit_count_year) AS household_visit_count_year,
    sum(c.doorstep_visit_count_year) AS doorstep_visit_count_year,
    sum(c.issue_count_month) AS issue_count_month,
    sum(c.issue_count_year) AS issue_count_year,
    sum(c.to_whistle_count_month) AS to_whistle_count_month,
    sum(c.to_whistle_count_year) AS to_whistle_count_year,
    coalesce(sum(w.visitor_count_month), 0) AS visitor_count_month,
    coalesce(sum(w.visitor_count_year), 0) AS visitor_count_year,
    sum(c.dwellings_seen_180d) AS dwellings_seen_180d,
    sum(c.dwellings_due) AS dwellings_due,
    sum(c.shops_seen_180d) AS shops_seen_180d,
    sum(c.shops_due) AS shops_due,
    max(c.last_visited_at) AS last_visited_at
  FROM communities AS c
  LEFT JOIN workers AS w ON w.community_code = c.community_code
  GROUP BY GROUPING SETS (
    (c.subdistrict_code, c.subdistrict_name, c.community_code, c.community_name),
    (c.subdistrict_code, c.subdistrict_name),
    ()
  )
),
places AS (
  SELECT * FROM rolled
  UNION ALL
  SELECT
    'grid' AS place_level,
    grid_code AS place_code,
    grid_name AS place_name,
    subdistrict_code,
    subdistrict_name,
    community_code,
    community_name,
    grid_code,
    visit_count,
    visit_count_month,
    visit_count_year,
    visit_count_180d,
    household_visit_count_month,
    household_visit_count_year,
    doorstep_visit_count_year,
    issue_count_month,
    issue_count_year,
    to_whistle_count_month,
    to_whistle_count_year,
    visitor_count_month,
    visitor_count_year,
    dwellings_seen_180d,
    dwellings_due,
    shops_seen_180d,
    shops_due,
    last_visited_at
  FROM visit_by_grid
)
SELECT
  place_level,
  place_code,
  place_name,
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  grid_code,
  visit_count,
  visit_count_month,
  visit_count_year,
  visit_count_180d,
  household_visit_count_month,
  household_visit_count_year,
  doorstep_visit_count_year,
  rate(doorstep_visit_count_year, visit_count_year) AS doorstep_rate_year,
  issue_count_month,
  issue_count_year,
  rate(issue_count_year, visit_count_year) AS issue_rate_year,
  to_whistle_count_month,
  to_whistle_count_year,
  rate(to_whistle_count_year, issue_count_year) AS to_whistle_rate_year,
  visitor_count_month,
  visitor_count_year,
  rate(visit_count_month, visitor_count_month) AS visits_per_visitor_month,
  rate(visit_count_year, visitor_count_year) AS visits_per_visitor_year,
  dwellings_seen_180d,
  dwellings_due,
  rate(dwellings_seen_180d, dwellings_due) AS dwelling_coverage_rate_180d,
  shops_seen_180d,
  shops_due,
  rate(shops_seen_180d, shops_due) AS shop_coverage_rate_180d,
  dwellings_seen_180d + shops_seen_180d AS objects_seen_180d,
  dwellings_due + shops_due AS objects_due,
  rate(dwellings_seen_180d + shops_seen_180d, dwellings_due + shops_due) AS coverage_rate_180d,
  last_visited_at,
  as_of_date() - CAST(last_visited_at AS DATE) AS days_since_last_visit
FROM places
ORDER BY place_code

-- Adds the grids up; suspected group rentals come from their own list.
WITH suspects AS (
  SELECT grid_code, count(*) AS suspect_count
  FROM group_rental_suspect_list
  GROUP BY grid_code
),
by_grid AS (
  SELECT
    p.grid_code AS grid_code,
    p.grid_name,
    p.community_code,
    p.community_name,
    p.subdistrict_code,
    p.subdistrict_name,
    p.dwelling_count,
    p.person_count,
    p.occupied_count,
    p.one_person_count,
    p.two_person_count,
    p.three_person_count,
    p.four_person_count,
    p.five_plus_person_count,
    p.vacant_but_occupied_count,
    p.lived_in_but_empty_count,
    p.occupied_rental_count,
    p.rental_person_count,
    p.measured_person_count,
    p.occupied_area_m2,
    s.suspect_count
  FROM people_per_dwelling_by_grid AS p
  LEFT JOIN suspects AS s ON s.grid_code = p.grid_code
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
    sum(dwelling_count) AS dwelling_count,
    sum(person_count) AS person_count,
    sum(occupied_count) AS occupied_count,
    sum(one_person_count) AS one_person_count,
    sum(two_person_count) AS two_person_count,
    sum(three_person_count) AS three_person_count,
    sum(four_person_count) AS four_person_count,
    sum(five_plus_person_count) AS five_plus_person_count,
    sum(vacant_but_occupied_count) AS vacant_but_occupied_count,
    sum(lived_in_but_empty_count) AS lived_in_but_empty_count,
    sum(occupied_rental_count) AS occupied_rental_count,
    sum(rental_person_count) AS rental_person_count,
    sum(measured_person_count) AS measured_person_count,
    CAST(sum(CAST(occupied_area_m2 AS DECIMAL(14, 2))) AS DOUBLE) AS occupied_area_m2,
    coalesce(sum(suspect_count), 0) AS group_rental_suspect_count
  FROM by_grid
  GROUP BY GROUPING SETS (
    (subdistrict_code, subdistrict_name, community_code, community_name, grid_code, grid_name),
    (subdistrict_code, subdistrict_name, community_code, community_name),
    (subdistrict_code, subdistrict_name),
    ()
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
  dwelling_count,
  person_count,
  occupied_count,
  rate(person_count, occupied_count) AS persons_per_occupied_dwelling,
  measured_person_count,
  occupied_area_m2,
  rate(occupied_area_m2, measured_person_count) AS area_m2_per_person,
  one_person_count,
  two_person_count,
  three_person_count,
  four_person_count,
  five_plus_person_count,
  vacant_but_occupied_count,
  lived_in_but_empty_count,
  occupied_rental_count,
  rental_person_count,
  rate(rental_person_count, occupied_rental_count) AS persons_per_occupied_rental,
  group_rental_suspect_count,
  rate(group_rental_suspect_count, occupied_rental_count) AS group_rental_suspect_rate
FROM rolled

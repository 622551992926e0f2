WITH counted AS (
  SELECT
    grid_code,
    count(*) AS dwelling_count,
    sum(person_count) AS person_count,
    count(*) FILTER (WHERE person_count > 0) AS occupied_count,
    count(*) FILTER (WHERE person_count = 1) AS one_person_count,
    count(*) FILTER (WHERE person_count = 2) AS two_person_count,
    count(*) FILTER (WHERE person_count = 3) AS three_person_count,
    count(*) FILTER (WHERE person_count = 4) AS four_person_count,
    count(*) FILTER (WHERE person_count >= 5) AS five_plus_person_count,
    count(*) FILTER (WHERE is_vacant AND person_count > 0) AS vacant_but_occupied_count,
    count(*) FILTER (WHERE use IN ('自住', '出租') AND person_count = 0) AS lived_in_but_empty_count,
    count(*) FILTER (WHERE is_rental AND person_count > 0) AS occupied_rental_count,
    sum(person_count) FILTER (WHERE is_rental) AS rental_person_count,
    sum(person_count) FILTER (WHERE area_m2 IS NOT NULL) AS measured_person_count,
    sum(CAST(area_m2 AS DECIMAL(12, 2))) FILTER (WHERE person_count > 0) AS occupied_area_m2
  FROM occupancy_by_dwelling
  GROUP BY grid_code
)
SELECT
  g.grid_code,
  g.grid_name,
  g.community_code,
  g.community_name,
  g.subdistrict_code,
  g.subdistrict_name,
  coalesce(c.dwelling_count, 0) AS dwelling_count,
  coalesce(c.person_count, 0) AS person_count,
  coalesce(c.occupied_count, 0) AS occupied_count,
  coalesce(c.one_person_count, 0) AS one_person_count,
  coalesce(c.two_person_count, 0) AS two_person_count,
  coalesce(c.three_person_count, 0) AS three_person_count,
  coalesce(c.four_person_count, 0) AS four_person_count,
  coalesce(c.five_plus_person_count, 0) AS five_plus_person_count,
  coalesce(c.vacant_but_occupied_count, 0) AS vacant_but_occupied_count,
  coalesce(c.lived_in_but_empty_count, 0) AS lived_in_but_empty_count,
  coalesce(c.occupied_rental_count, 0) AS occupied_rental_count,
  coalesce(c.rental_person_count, 0) AS rental_person_count,
  coalesce(c.measured_person_count, 0) AS measured_person_count,
  CAST(coalesce(c.occupied_area_m2, 0) AS DOUBLE) AS occupied_area_m2
FROM stg_grids AS g
LEFT JOIN counted AS c ON c.grid_code = g.grid_code

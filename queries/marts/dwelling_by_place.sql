-- Adds the grids up to community, subdistrict and district; rates are divided last, from the totals.
WITH rolled AS (
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
    sum(self_used_count) AS self_used_count,
    sum(rental_count) AS rental_count,
    sum(vacant_count) AS vacant_count,
    sum(business_count) AS business_count,
    sum(registered_rental_count) AS registered_rental_count,
    sum(registration_answered_count) AS registration_answered_count,
    sum(pledged_rental_count) AS pledged_rental_count,
    sum(pledge_answered_count) AS pledge_answered_count,
    sum(rooms_let_count) AS rooms_let_count,
    sum(measured_dwelling_count) AS measured_dwelling_count,
    CAST(sum(CAST(area_m2 AS DECIMAL(14, 2))) AS DOUBLE) AS area_m2,
    CAST(sum(CAST(rental_area_m2 AS DECIMAL(14, 2))) AS DOUBLE) AS rental_area_m2
  FROM dwelling_by_grid
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
  self_used_count,
  rental_count,
  vacant_count,
  business_count,
  rate(rental_count, dwelling_count) AS rental_rate,
  rate(vacant_count, dwelling_count) AS vacancy_rate,
  registered_rental_count,
  registration_answered_count,
  rate(registered_rental_count, registration_answered_count) AS registered_rental_rate,
  pledged_rental_count,
  pledge_answered_count,
  rate(pledged_rental_count, pledge_answered_count) AS pledged_rental_rate,
  rooms_let_count,
  measured_dwelling_count,
  area_m2,
  rental_area_m2,
  rate(area_m2, measured_dwelling_count) AS area_m2_per_dwelling
FROM rolled

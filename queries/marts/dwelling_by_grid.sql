-- The one pass over the dwellings. Areas are added as decimals: a sum of floats depends on the order
-- in which the cores deliver it, and the same night must give the same digits.
WITH counted AS (
  SELECT
    grid_code,
    count(*) AS dwelling_count,
    count(*) FILTER (WHERE use = '自住') AS self_used_count,
    count(*) FILTER (WHERE is_rental) AS rental_count,
    count(*) FILTER (WHERE is_vacant) AS vacant_count,
    count(*) FILTER (WHERE use = '经营') AS business_count,
    count(*) FILTER (WHERE is_rental AND is_registered) AS registered_rental_count,
    count(is_registered) FILTER (WHERE is_rental) AS registration_answered_count,
    count(*) FILTER (WHERE is_rental AND is_pledge_signed) AS pledged_rental_count,
    count(is_pledge_signed) FILTER (WHERE is_rental) AS pledge_answered_count,
    sum(rooms_let) FILTER (WHERE is_rental) AS rooms_let_count,
    count(area_m2) AS measured_dwelling_count,
    sum(CAST(area_m2 AS DECIMAL(12, 2))) AS area_m2,
    sum(CAST(area_m2 AS DECIMAL(12, 2))) FILTER (WHERE is_rental) AS rental_area_m2
  FROM stg_dwellings
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
  coalesce(c.self_used_count, 0) AS self_used_count,
  coalesce(c.rental_count, 0) AS rental_count,
  coalesce(c.vacant_count, 0) AS vacant_count,
  coalesce(c.business_count, 0) AS business_count,
  coalesce(c.registered_rental_count, 0) AS registered_rental_count,
  coalesce(c.registration_answered_count, 0) AS registration_answered_count,
  coalesce(c.pledged_rental_count, 0) AS pledged_rental_count,
  coalesce(c.pledge_answered_count, 0) AS pledge_answered_count,
  coalesce(c.rooms_let_count, 0) AS rooms_let_count,
  coalesce(c.measured_dwelling_count, 0) AS measured_dwelling_count,
  CAST(coalesce(c.area_m2, 0) AS DOUBLE) AS area_m2,
  CAST(coalesce(c.rental_area_m2, 0) AS DOUBLE) AS rental_area_m2
FROM stg_grids AS g
LEFT JOIN counted AS c ON c.grid_code = g.grid_code

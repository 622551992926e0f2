-- One row of 网格基础信息统计表: figures only from the marts of each subject, so that the form, the
-- pages and any query agree.
SELECT
  p.place_level,
  p.place_code,
  p.place_name,
  p.subdistrict_code,
  p.subdistrict_name,
  p.community_code,
  p.community_name,
  p.grid_code,
  p.grid_count,
  p.person_count,
  p.registered_count,
  p.separated_count,
  p.floating_count,
  p.collective_count,
  p.overseas_count,
  p.male_count,
  p.female_count,
  p.age_0_14_count,
  p.age_60_plus_count,
  p.age_65_plus_count,
  p.age_80_plus_count,
  p.household_count,
  d.dwelling_count,
  d.self_used_count,
  d.rental_count,
  d.vacant_count,
  d.business_count,
  s.shop_count,
  s.enterprise_count,
  s.individual_count,
  s.other_registration_count + s.uncertified_count AS other_shop_count,
  s.nine_small_count,
  v.visit_count_month,
  v.visit_count_year
FROM population_by_place AS p
LEFT JOIN dwelling_by_place AS d ON d.place_level = p.place_level AND d.place_code = p.place_code
LEFT JOIN shop_by_place AS s ON s.place_level = p.place_level AND s.place_code = p.place_code
LEFT JOIN visit_by_place AS v ON v.place_level = p.place_level AND v.place_code = p.place_code

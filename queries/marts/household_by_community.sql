SELECT
  place_code AS community_code,
  community_name,
  subdistrict_code,
  subdistrict_name,
  person_count,
  household_count,
  household_member_count,
  persons_per_household,
  one_person_household_count,
  rate(one_person_household_count, household_count) AS one_person_household_rate,
  elderly_alone_count,
  elderly_only_household_count,
  rate(elderly_alone_count + elderly_only_household_count, household_count) AS elderly_household_rate
FROM population_by_place
WHERE place_level = 'community'

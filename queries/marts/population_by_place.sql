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
    count(*) AS grid_count,
    sum(person_count) AS person_count,
    sum(male_count) AS male_count,
    sum(female_count) AS female_count,
    sum(age_0_14_count) AS age_0_14_count,
    sum(age_15_59_count) AS age_15_59_count,
    sum(age_60_plus_count) AS age_60_plus_count,
    sum(age_65_plus_count) AS age_65_plus_count,
    sum(age_80_plus_count) AS age_80_plus_count,
    sum(registered_count) AS registered_count,
    sum(separated_count) AS separated_count,
    sum(floating_count) AS floating_count,
    sum(collective_count) AS collective_count,
    sum(overseas_count) AS overseas_count,
    sum(household_count) AS household_count,
    sum(household_member_count) AS household_member_count,
    sum(one_person_household_count) AS one_person_household_count,
    sum(elderly_alone_count) AS elderly_alone_count,
    sum(elderly_only_household_count) AS elderly_only_household_count
  FROM population_by_grid
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
  grid_count,
  person_count,
  male_count,
  female_count,
  person_count - male_count - female_count AS other_sex_count,
  age_0_14_count,
  age_15_59_count,
  age_60_plus_count,
  age_65_plus_count,
  age_80_plus_count,
  rate(age_0_14_count, person_count) AS age_0_14_rate,
  rate(age_15_59_count, person_count) AS age_15_59_rate,
  rate(age_60_plus_count, person_count) AS age_60_plus_rate,
  rate(age_65_plus_count, person_count) AS age_65_plus_rate,
  rate(age_80_plus_count, person_count) AS age_80_plus_rate,
  registered_count,
  separated_count,
  floating_count,
  collective_count,
  overseas_count,
  rate(floating_count, person_count) AS floating_rate,
  household_count,
  household_member_count,
  rate(household_member_count, household_count) AS persons_per_household,
  one_person_household_count,
  elderly_alone_count,
  elderly_only_household_count
FROM rolled

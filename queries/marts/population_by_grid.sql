-- All bands here begin at a multiple of five, so they are sums of five-year bands.
WITH people AS (
  SELECT
    grid_code,
    sum(person_count) AS person_count,
    sum(person_count) FILTER (WHERE sex = '男') AS male_count,
    sum(person_count) FILTER (WHERE sex = '女') AS female_count,
    sum(person_count) FILTER (WHERE age_band_start < 15) AS age_0_14_count,
    sum(person_count) FILTER (WHERE age_band_start >= 15 AND age_band_start < 60) AS age_15_59_count,
    sum(person_count) FILTER (WHERE age_band_start >= 60) AS age_60_plus_count,
    sum(person_count) FILTER (WHERE age_band_start >= 65) AS age_65_plus_count,
    sum(person_count) FILTER (WHERE age_band_start >= 80) AS age_80_plus_count,
    sum(registered_count) AS registered_count,
    sum(separated_count) AS separated_count,
    sum(floating_count) AS floating_count,
    sum(collective_count) AS collective_count,
    sum(overseas_count) AS overseas_count
  FROM population_by_grid_age
  GROUP BY grid_code
),
-- A household counts once in the district, in the grid of its head, so that grids add up. Grid codes are
-- fifteen digits; the maximum of numbers takes half the time of the maximum of texts.
households AS (
  SELECT
    household_id,
    coalesce(
      max(CASE WHEN relation = '户主' THEN CAST(grid_code AS BIGINT) END),
      max(CAST(grid_code AS BIGINT))
    ) AS grid_number,
    count(*) AS member_count,
    count(*) FILTER (WHERE is_elderly) AS elderly_count
  FROM stg_residents
  WHERE household_id IS NOT NULL
  GROUP BY household_id
),
homes AS (
  SELECT
    lpad(CAST(grid_number AS VARCHAR), 15, '0') AS grid_code,
    count(*) AS household_count,
    sum(member_count) AS household_member_count,
    count(*) FILTER (WHERE member_count = 1) AS one_person_household_count,
    count(*) FILTER (WHERE member_count = 1 AND elderly_count = 1) AS elderly_alone_count,
    count(*) FILTER (WHERE member_count > 1 AND elderly_count = member_count) AS elderly_only_household_count
  FROM households
  GROUP BY grid_number
)
SELECT
  g.grid_code,
  g.grid_name,
  g.community_code,
  g.community_name,
  g.subdistrict_code,
  g.subdistrict_name,
  coalesce(p.person_count, 0) AS person_count,
  coalesce(p.male_count, 0) AS male_count,
  coalesce(p.female_count, 0) AS female_count,
  coalesce(p.age_0_14_count, 0) AS age_0_14_count,
  coalesce(p.age_15_59_count, 0) AS age_15_59_count,
  coalesce(p.age_60_plus_count, 0) AS age_60_plus_count,
  coalesce(p.age_65_plus_count, 0) AS age_65_plus_count,
  coalesce(p.age_80_plus_count, 0) AS age_80_plus_count,
  coalesce(p.registered_count, 0) AS registered_count,
  coalesce(p.separated_count, 0) AS separated_count,
  coalesce(p.floating_count, 0) AS floating_count,
  coalesce(p.collective_count, 0) AS collective_count,
  coalesce(p.overseas_count, 0) AS overseas_count,
  coalesce(h.household_count, 0) AS household_count,
  coalesce(h.household_member_count, 0) AS household_member_count,
  coalesce(h.one_person_household_count, 0) AS one_person_household_count,
  coalesce(h.elderly_alone_count, 0) AS elderly_alone_count,
  coalesce(h.elderly_only_household_count, 0) AS elderly_only_household_count
FROM stg_grids AS g
LEFT JOIN people AS p ON p.grid_code = g.grid_code
LEFT JOIN homes AS h ON h.grid_code = g.grid_code

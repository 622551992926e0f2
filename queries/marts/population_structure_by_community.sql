-- Persons by type and sex, with 合计 of either, for each community; kinds that do not occur count 0.
WITH kinds AS (
  SELECT household_type
  FROM (VALUES ('户籍'), ('人户分离'), ('流动人口'), ('集体户'), ('境外人员'), ('合计')) AS v (household_type)
),
sexes AS (
  SELECT sex
  FROM (VALUES ('男'), ('女'), ('合计')) AS v (sex)
),
counted AS (
  SELECT
    g.community_code,
    coalesce(r.household_type, '合计') AS household_type,
    coalesce(r.sex, '合计') AS sex,
    count(*) AS person_count,
    count(*) FILTER (WHERE r.age <= 14) AS age_0_14_count,
    count(*) FILTER (WHERE r.age BETWEEN 15 AND 59) AS age_15_59_count,
    count(*) FILTER (WHERE r.age BETWEEN 15 AND 49) AS age_15_49_count,
    count(*) FILTER (WHERE r.age >= 60) AS age_60_plus_count,
    count(*) FILTER (WHERE r.age >= 65) AS age_65_plus_count,
    count(*) FILTER (WHERE r.age >= 80) AS age_80_plus_count,
    count(*) FILTER (
      WHERE date_trunc('month', r.birth_date) = date_trunc('month', as_of_date())
    ) AS born_this_month_count
  FROM stg_residents AS r
  JOIN stg_grids AS g ON g.grid_code = r.grid_code
  GROUP BY GROUPING SETS (
    (g.community_code, r.household_type, r.sex),
    (g.community_code, r.household_type),
    (g.community_code, r.sex),
    (g.community_code)
  )
)
SELECT
  'community' AS place_level,
  c.community_code AS place_code,
  c.community_name,
  k.household_type,
  s.sex,
  coalesce(n.person_count, 0) AS person_count,
  coalesce(n.age_0_14_count, 0) AS age_0_14_count,
  coalesce(n.age_15_59_count, 0) AS age_15_59_count,
  coalesce(n.age_15_49_count, 0) AS age_15_49_count,
  coalesce(n.age_60_plus_count, 0) AS age_60_plus_count,
  coalesce(n.age_65_plus_count, 0) AS age_65_plus_count,
  coalesce(n.age_80_plus_count, 0) AS age_80_plus_count,
  coalesce(n.born_this_month_count, 0) AS born_this_month_count
FROM stg_communities AS c
CROSS JOIN kinds AS k
CROSS JOIN sexes AS s
LEFT JOIN counted AS n
  ON n.community_code = c.community_code AND n.household_type = k.household_type AND n.sex = s.sex
ORDER BY c.community_code, k.household_type, s.sex

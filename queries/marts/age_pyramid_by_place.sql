-- Every band from 0-4 to 100 and over is listed for every place, so that a chart has no holes.
WITH by_grid AS (
  SELECT
    g.subdistrict_code,
    g.subdistrict_name,
    a.age_band_start,
    a.person_count,
    a.sex
  FROM population_by_grid_age AS a
  JOIN stg_grids AS g ON g.grid_code = a.grid_code
),
counted AS (
  SELECT
    subdistrict_code,
    age_band_start,
    sum(person_count) AS person_count,
    sum(person_count) FILTER (WHERE sex = '男') AS male_count,
    sum(person_count) FILTER (WHERE sex = '女') AS female_count
  FROM by_grid
  GROUP BY GROUPING SETS ((subdistrict_code, age_band_start), (age_band_start))
),
places AS (
  SELECT
    place_level,
    place_code,
    place_name,
    subdistrict_code,
    subdistrict_name,
    community_code,
    community_name,
    grid_code,
    person_count
  FROM population_by_place
  WHERE place_level IN ('subdistrict', 'district')
),
bands AS (
  SELECT unnest(range(0, 105, 5)) AS age_band_start
)
SELECT
  p.place_level,
  p.place_code,
  p.place_name,
  p.subdistrict_code,
  p.subdistrict_name,
  p.community_code,
  p.community_name,
  p.grid_code,
  b.age_band_start,
  CASE
    WHEN b.age_band_start = 100 THEN '100岁及以上'
    ELSE concat(b.age_band_start, '-', b.age_band_start + 4, '岁')
  END AS age_band,
  coalesce(c.male_count, 0) AS male_count,
  coalesce(c.female_count, 0) AS female_count,
  coalesce(c.person_count, 0) AS person_count,
  p.person_count AS place_person_count,
  rate(coalesce(c.male_count, 0), p.person_count) AS male_rate,
  rate(coalesce(c.female_count, 0), p.person_count) AS female_rate
FROM places AS p
CROSS JOIN bands AS b
LEFT JOIN counted AS c
  ON (c.subdistrict_code IS NOT DISTINCT FROM p.subdistrict_code)
  AND c.age_band_start = b.age_band_start

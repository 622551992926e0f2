-- The district has to be the sum of its subdistricts, and no row of staging may be lost on the way into a
-- mart (a grid code that no grid carries, a join that drops or doubles rows).
WITH totals AS (
  SELECT
    'population_by_place' AS mart,
    coalesce(sum(person_count) FILTER (WHERE place_level = 'district'), 0) AS district_total,
    coalesce(sum(person_count) FILTER (WHERE place_level = 'subdistrict'), 0) AS subdistrict_total,
    coalesce(sum(person_count) FILTER (WHERE place_level = 'grid'), 0) AS grid_total,
    (SELECT count(*) FROM stg_residents) AS row_count
  FROM population_by_place
  UNION ALL
  SELECT
    'dwelling_by_place',
    coalesce(sum(dwelling_count) FILTER (WHERE place_level = 'district'), 0),
    coalesce(sum(dwelling_count) FILTER (WHERE place_level = 'subdistrict'), 0),
    coalesce(sum(dwelling_count) FILTER (WHERE place_level = 'grid'), 0),
    (SELECT count(*) FROM stg_dwellings)
  FROM dwelling_by_place
  UNION ALL
  SELECT
    'shop_by_place',
    coalesce(sum(shop_count) FILTER (WHERE place_level = 'district'), 0),
    coalesce(sum(shop_count) FILTER (WHERE place_level = 'subdistrict'), 0),
    coalesce(sum(shop_count) FILTER (WHERE place_level = 'grid'), 0),
    (SELECT count(*) FROM stg_shops)
  FROM shop_by_place
  UNION ALL
  SELECT
    'visit_by_place',
    coalesce(sum(visit_count) FILTER (WHERE place_level = 'district'), 0),
    coalesce(sum(visit_count) FILTER (WHERE place_level = 'subdistrict'), 0),
    coalesce(sum(visit_count) FILTER (WHERE place_level = 'grid'), 0),
    (SELECT count(*) FROM stg_visits)
  FROM visit_by_place
  UNION ALL
  SELECT
    'whistle_by_place',
    coalesce(sum(reported_count) FILTER (WHERE place_level = 'district'), 0),
    coalesce(sum(reported_count) FILTER (WHERE place_level = 'subdistrict'), 0),
    coalesce(sum(reported_count) FILTER (WHERE place_level = 'grid'), 0),
    (SELECT count(*) FROM stg_whistles WHERE NOT is_void)
  FROM whistle_by_place
  WHERE level = '合计'
)
SELECT mart, district_total, subdistrict_total, grid_total, row_count
FROM totals
WHERE district_total <> subdistrict_total OR district_total <> grid_total OR district_total <> row_count
ORDER BY mart

-- Ties share a rank, and a grid without a value has none. Rank 1 is the most whistles, the best coverage,
-- the best closing rate.
WITH measured AS (
  SELECT
    g.grid_code,
    g.grid_name,
    g.community_code,
    g.community_name,
    g.subdistrict_code,
    g.subdistrict_name,
    coalesce(p.person_count, 0) AS person_count,
    coalesce(w.reported_count_year, 0) AS reported_count_year,
    1000 * rate(coalesce(w.reported_count_year, 0), coalesce(p.person_count, 0)) AS whistles_per_1000_year,
    w.reported_closed_count_year,
    w.closing_rate_a_year,
    v.objects_seen_180d,
    v.objects_due,
    v.coverage_rate_180d,
    v.days_since_last_visit
  FROM stg_grids AS g
  LEFT JOIN population_by_grid AS p ON p.grid_code = g.grid_code
  LEFT JOIN (SELECT * FROM whistle_by_place WHERE place_level = 'grid' AND level = '合计') AS w
    ON w.place_code = g.grid_code
  LEFT JOIN (SELECT * FROM visit_by_place WHERE place_level = 'grid') AS v ON v.place_code = g.grid_code
)
SELECT
  grid_code,
  grid_name,
  community_code,
  community_name,
  subdistrict_code,
  subdistrict_name,
  person_count,
  reported_count_year,
  whistles_per_1000_year,
  CASE WHEN whistles_per_1000_year IS NOT NULL THEN
    rank() OVER (ORDER BY whistles_per_1000_year DESC NULLS LAST) END AS whistle_rank_in_district,
  CASE WHEN whistles_per_1000_year IS NOT NULL THEN
    rank() OVER (PARTITION BY subdistrict_code ORDER BY whistles_per_1000_year DESC NULLS LAST) END
    AS whistle_rank_in_subdistrict,
  reported_closed_count_year,
  closing_rate_a_year,
  CASE WHEN closing_rate_a_year IS NOT NULL THEN
    rank() OVER (ORDER BY closing_rate_a_year DESC NULLS LAST) END AS closing_rank_in_district,
  CASE WHEN closing_rate_a_year IS NOT NULL THEN
    rank() OVER (PARTITION BY subdistrict_code ORDER BY closing_rate_a_year DESC NULLS LAST) END
    AS closing_rank_in_subdistrict,
  objects_seen_180d,
  objects_due,
  coverage_rate_180d,
  CASE WHEN coverage_rate_180d IS NOT NULL THEN
    rank() OVER (ORDER BY coverage_rate_180d DESC NULLS LAST) END AS coverage_rank_in_district,
  CASE WHEN coverage_rate_180d IS NOT NULL THEN
    rank() OVER (PARTITION BY subdistrict_code ORDER BY coverage_rate_180d DESC NULLS LAST) END
    AS coverage_rank_in_subdistrict,
  days_since_last_visit
FROM measured
ORDER BY grid_code

-- Rank 1 is the most whistles, the best coverage, the best closing rate. Ties share a rank. A rate over too little ranks
-- nobody: threshold_in_force says how much is enough, here and in grid_anomaly.
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
    coalesce(
      w.reported_count_year >= t.rate_whistle_count_min AND p.person_count >= t.rate_person_count_min, false
    ) AS is_whistle_rate_ranked,
    w.reported_closed_count_year,
    w.closing_rate_a_year,
    coalesce(w.reported_count_year >= t.rate_whistle_count_min, false) AS is_closing_rate_ranked,
    v.objects_seen_180d,
    v.objects_due,
    v.coverage_rate_180d,
    coalesce(v.objects_due >= t.rate_object_count_min, false) AS is_coverage_ranked,
    v.days_since_last_visit
  FROM stg_grids AS g
  CROSS JOIN threshold_in_force AS t
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
  is_whistle_rate_ranked,
  CASE WHEN is_whistle_rate_ranked THEN
    rank() OVER (PARTITION BY is_whistle_rate_ranked ORDER BY whistles_per_1000_year DESC NULLS LAST) END
    AS whistle_rank_in_district,
  CASE WHEN is_whistle_rate_ranked THEN
    rank() OVER (
      PARTITION BY is_whistle_rate_ranked, subdistrict_code ORDER BY whistles_per_1000_year DESC NULLS LAST
    ) END AS whistle_rank_in_subdistrict,
  reported_closed_count_year,
  closing_rate_a_year,
  is_closing_rate_ranked,
  CASE WHEN is_closing_rate_ranked THEN
    rank() OVER (PARTITION BY is_closing_rate_ranked ORDER BY closing_rate_a_year DESC NULLS LAST) END
    AS closing_rank_in_district,
  CASE WHEN is_closing_rate_ranked THEN
    rank() OVER (
      PARTITION BY is_closing_rate_ranked, subdistrict_code ORDER BY closing_rate_a_year DESC NULLS LAST
    ) END AS closing_rank_in_subdistrict,
  objects_seen_180d,
  objects_due,
  coverage_rate_180d,
  is_coverage_ranked,
  CASE WHEN is_coverage_ranked THEN
    rank() OVER (PARTITION BY is_coverage_ranked ORDER BY coverage_rate_180d DESC NULLS LAST) END
    AS coverage_rank_in_district,
  CASE WHEN is_coverage_ranked THEN
    rank() OVER (
      PARTITION BY is_coverage_ranked, subdistrict_code ORDER BY coverage_rate_180d DESC NULLS LAST
    ) END AS coverage_rank_in_subdistrict,
  days_since_last_visit
FROM measured
ORDER BY grid_code

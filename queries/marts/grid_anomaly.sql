-- Long form, one row per grid and indicator, so that a new indicator is one more branch of the union.
-- whistle_rate and visit_coverage are compared with the other grids of the subdistrict, whistle_week with the
-- grid's own twelve weeks before. Too little to count on gives no value: grid_ranking says which grids have enough
-- for a rate, a week needs 3 whistles. Fewer than 5 values to compare with give no z, nor does a deviation of rates
-- under 1e-6 (floating-point dust makes z of 10^8). A deviation of weeks counts as at least 1: twenty after twelve
-- weeks of none is unusual, three after eleven of none and one of one is not.
WITH placed AS (
  SELECT
    grid_code,
    subdistrict_code,
    'whistle_rate' AS indicator,
    reported_count_year AS numerator,
    person_count AS denominator,
    CASE WHEN is_whistle_rate_ranked THEN whistles_per_1000_year END AS measure
  FROM grid_ranking
  UNION ALL
  SELECT
    grid_code,
    subdistrict_code,
    'visit_coverage' AS indicator,
    objects_seen_180d AS numerator,
    objects_due AS denominator,
    CASE WHEN is_coverage_ranked THEN coverage_rate_180d END AS measure
  FROM grid_ranking
),
against_subdistrict AS (
  SELECT
    grid_code,
    indicator,
    numerator,
    denominator,
    measure,
    sum(numerator) OVER (PARTITION BY subdistrict_code, indicator) AS subdistrict_numerator,
    sum(denominator) OVER (PARTITION BY subdistrict_code, indicator) AS subdistrict_denominator,
    count(measure) OVER (PARTITION BY subdistrict_code, indicator) AS compared_count,
    avg(measure) OVER (PARTITION BY subdistrict_code, indicator) AS mean_measure,
    stddev(measure) OVER (PARTITION BY subdistrict_code, indicator) AS deviation
  FROM placed
),
against_itself AS (
  SELECT
    grid_code,
    'whistle_week' AS indicator,
    sum(CASE WHEN weeks_ago = 0 THEN reported_count END) AS numerator,
    CAST(NULL AS BIGINT) AS denominator,
    CAST(sum(CASE WHEN weeks_ago = 0 AND reported_count >= 3 THEN reported_count END) AS DOUBLE) AS measure,
    CAST(NULL AS BIGINT) AS subdistrict_numerator,
    CAST(NULL AS BIGINT) AS subdistrict_denominator,
    count(*) FILTER (WHERE weeks_ago > 0) AS compared_count,
    avg(CASE WHEN weeks_ago > 0 THEN reported_count END) AS mean_measure,
    stddev(CASE WHEN weeks_ago > 0 THEN reported_count END) AS deviation
  FROM whistle_by_grid_week
  GROUP BY grid_code
),
compared AS (
  SELECT * FROM against_subdistrict
  UNION ALL
  SELECT * FROM against_itself
),
scored AS (
  SELECT
    *,
    CASE
      WHEN compared_count < 5 THEN NULL
      WHEN indicator = 'whistle_week' THEN round_half_up((measure - mean_measure) / greatest(deviation, 1.0), 6)
      WHEN deviation >= 0.000001 THEN round_half_up((measure - mean_measure) / deviation, 6)
    END AS z_score
  FROM compared
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  s.indicator,
  CASE s.indicator
    WHEN 'whistle_rate' THEN '每千人吹哨数'
    WHEN 'visit_coverage' THEN '半年走访覆盖率'
    ELSE '上周吹哨数'
  END AS indicator_label,
  s.numerator,
  s.denominator,
  s.measure,
  s.subdistrict_numerator,
  s.subdistrict_denominator,
  CASE s.indicator WHEN 'whistle_rate' THEN 1000 ELSE 1 END * rate(s.subdistrict_numerator, s.subdistrict_denominator)
    AS subdistrict_measure,
  s.compared_count,
  round_half_up(s.mean_measure, 6) AS mean_measure,
  round_half_up(s.deviation, 6) AS deviation,
  s.z_score,
  abs(s.z_score) AS severity,
  coalesce(
    CASE s.indicator
      WHEN 'whistle_rate' THEN s.z_score >= 2
      WHEN 'visit_coverage' THEN s.z_score <= -2
      ELSE s.z_score >= 3
    END,
    false
  ) AS is_anomaly
FROM scored AS s
INNER JOIN stg_grids AS g ON g.grid_code = s.grid_code
ORDER BY g.grid_code, s.indicator

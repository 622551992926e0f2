-- Long form, one row per grid and indicator, so that a new indicator is one more branch of the union.
-- whistle_rate and visit_coverage are compared with the other grids of the subdistrict, whistle_week with the grid's own
-- twelve weeks before. Small numbers vary by themselves, so a grid is unusual when its count would be a rare accident:
--   expected = its residents (objects due) × the rate of the other grids; the count varies around it with the variance
--   expected + dispersion × expected², a negative binomial, since grids differ by themselves;
--   dispersion = Σ((count − expected)² − expected) ÷ Σ expected² over all other grids of the district, at least 0;
--   for the week: y whistles in 12 weeks make the next week negative binomial with mean (y + ½) ÷ 12 and dispersion
--   1 ÷ (y + ½), the prediction after a Gamma(½, 0) prior for the weekly rate.
-- probability is that of so many whistles or more, of so few objects seen or fewer. Too little to count on gives no value
-- and no probability: threshold_in_force says how much is enough.
WITH placed AS (
  SELECT
    grid_code,
    subdistrict_code,
    'whistle_rate' AS indicator,
    reported_count_year AS numerator,
    person_count AS denominator,
    is_whistle_rate_ranked AS is_counted,
    CASE WHEN is_whistle_rate_ranked THEN whistles_per_1000_year END AS measure
  FROM grid_ranking
  UNION ALL
  SELECT
    grid_code,
    subdistrict_code,
    'visit_coverage' AS indicator,
    objects_seen_180d AS numerator,
    objects_due AS denominator,
    is_coverage_ranked AS is_counted,
    CASE WHEN is_coverage_ranked THEN coverage_rate_180d END AS measure
  FROM grid_ranking
),
against_subdistrict AS (
  SELECT
    *,
    sum(numerator) OVER (PARTITION BY subdistrict_code, indicator) AS subdistrict_numerator,
    sum(denominator) OVER (PARTITION BY subdistrict_code, indicator) AS subdistrict_denominator,
    count(*) FILTER (WHERE is_counted) OVER (PARTITION BY subdistrict_code, indicator) - 1 AS compared_count,
    denominator * rate(
      sum(numerator) FILTER (WHERE is_counted) OVER (PARTITION BY subdistrict_code, indicator) - numerator,
      sum(denominator) FILTER (WHERE is_counted) OVER (PARTITION BY subdistrict_code, indicator) - denominator
    ) AS expected_count
  FROM placed
),
spread AS (
  SELECT
    *,
    CASE WHEN is_counted THEN coalesce(power(numerator - expected_count, 2) - expected_count, 0) ELSE 0 END AS excess,
    CASE WHEN is_counted THEN coalesce(power(expected_count, 2), 0) ELSE 0 END AS expected_squared
  FROM against_subdistrict
),
against_others AS (
  SELECT
    grid_code,
    indicator,
    numerator,
    denominator,
    measure,
    subdistrict_numerator,
    subdistrict_denominator,
    compared_count,
    CAST(NULL AS DOUBLE) AS mean_measure,
    round_half_up(CASE WHEN is_counted THEN expected_count END, 6) AS expected_count,
    round_half_up(
      greatest(
        coalesce(
          rate(
            sum(excess) OVER (PARTITION BY indicator) - excess,
            sum(expected_squared) OVER (PARTITION BY indicator) - expected_squared
          ),
          0
        ),
        0
      ),
      6
    ) AS dispersion
  FROM spread
),
weeks AS (
  SELECT
    grid_code,
    sum(reported_count) FILTER (WHERE weeks_ago = 0) AS last_count,
    sum(reported_count) FILTER (WHERE weeks_ago > 0) AS earlier_count,
    count(*) FILTER (WHERE weeks_ago > 0) AS earlier_weeks
  FROM whistle_by_grid_week
  GROUP BY grid_code
),
against_itself AS (
  SELECT
    w.grid_code,
    'whistle_week' AS indicator,
    w.last_count AS numerator,
    CAST(NULL AS BIGINT) AS denominator,
    CASE WHEN w.last_count >= t.week_whistle_count_min THEN CAST(w.last_count AS DOUBLE) END AS measure,
    CAST(NULL AS BIGINT) AS subdistrict_numerator,
    CAST(NULL AS BIGINT) AS subdistrict_denominator,
    w.earlier_weeks AS compared_count,
    round_half_up(rate(w.earlier_count, w.earlier_weeks), 6) AS mean_measure,
    round_half_up(rate(w.earlier_count + 0.5, w.earlier_weeks), 6) AS expected_count,
    round_half_up(1 / (w.earlier_count + 0.5), 6) AS dispersion
  FROM weeks AS w
  CROSS JOIN threshold_in_force AS t
),
compared AS (
  SELECT * FROM against_others
  UNION ALL
  SELECT * FROM against_itself
),
judged AS (
  SELECT
    c.*,
    t.unusual_probability_max,
    CASE
      WHEN c.measure IS NULL OR c.compared_count < t.unusual_compared_count_min THEN NULL
      WHEN c.indicator = 'visit_coverage' THEN
        round_half_up(1 - count_tail(c.numerator + 1, c.expected_count, c.dispersion), 12)
      ELSE round_half_up(count_tail(c.numerator, c.expected_count, c.dispersion), 12)
    END AS probability
  FROM compared AS c
  CROSS JOIN threshold_in_force AS t
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  j.indicator,
  CASE j.indicator
    WHEN 'whistle_rate' THEN '每千人吹哨数'
    WHEN 'visit_coverage' THEN '半年走访覆盖率'
    ELSE '上周吹哨数'
  END AS indicator_label,
  j.numerator,
  j.denominator,
  j.measure,
  j.subdistrict_numerator,
  j.subdistrict_denominator,
  CASE j.indicator WHEN 'whistle_rate' THEN 1000 ELSE 1 END * rate(j.subdistrict_numerator, j.subdistrict_denominator)
    AS subdistrict_measure,
  j.compared_count,
  j.mean_measure,
  j.expected_count,
  j.dispersion,
  j.probability,
  round_half_up(-log10(greatest(j.probability, 0.000000000001)), 6) AS severity,
  coalesce(j.probability <= j.unusual_probability_max, false) AS is_anomaly
FROM judged AS j
INNER JOIN stg_grids AS g ON g.grid_code = j.grid_code
ORDER BY g.grid_code, j.indicator

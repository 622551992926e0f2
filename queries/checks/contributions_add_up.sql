-- Contributions of every dimension add up to the change of the district, which whistle_period_headline and the visits
-- themselves say; so do those that are named with 其余合计.
WITH changes AS (
  SELECT period_kind, 'whistle_reported' AS indicator, CAST(reported_count - reported_count_previous AS DOUBLE) AS change
  FROM whistle_period_headline
  WHERE level = '合计'
  UNION ALL
  SELECT period_kind, 'whistle_late', CAST(due_late_count - due_count_previous + due_on_time_count_previous AS DOUBLE)
  FROM whistle_period_headline
  WHERE level = '合计'
  UNION ALL
  SELECT period_kind, 'on_time_rate', on_time_period_on_period_points
  FROM whistle_period_headline
  WHERE level = '合计'
  UNION ALL
  SELECT period_kind, 'visit', CAST(visit_count - visit_count_previous AS DOUBLE)
  FROM visit_period_headline
),
contributed AS (
  SELECT 'all' AS listed, period_kind, indicator, dimension, sum(contribution) AS contribution
  FROM change_contribution
  GROUP BY period_kind, indicator, dimension
  UNION ALL
  SELECT 'top' AS listed, period_kind, indicator, dimension, sum(contribution) AS contribution
  FROM change_contribution_top
  GROUP BY period_kind, indicator, dimension
)
SELECT t.listed, t.period_kind, t.indicator, t.dimension, t.contribution, c.change
FROM contributed AS t
LEFT JOIN changes AS c ON c.period_kind = t.period_kind AND c.indicator = t.indicator
WHERE c.change IS NOT NULL
  AND abs(t.contribution - CASE WHEN t.listed = 'top' THEN round_half_up(c.change, 2) ELSE c.change END) > 0.000001
ORDER BY t.listed, t.period_kind, t.indicator, t.dimension

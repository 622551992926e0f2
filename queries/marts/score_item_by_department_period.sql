-- What each item of the rules is worth to each unit: a rate by `linear_points`, a deduction or an addition by its events and
-- up to its cap, an addition for reaching a rate whole or not at all. Events of an item without points of its own are worth
-- what was delivered with them.
-- A rate without cases has no points: it earns nothing and is not held against the unit.
WITH listed AS (
  SELECT
    u.period_kind,
    u.period_window,
    u.kind,
    u.department_code,
    u.department,
    r.rule_type,
    r.rule_type_order,
    r.indicator,
    r.item_order,
    r.measure,
    m.numerator,
    m.denominator,
    rate(m.numerator, m.denominator) AS rate,
    r.target_pct,
    r.points_per_pct,
    r.full_points,
    r.floor_points,
    CASE WHEN r.rule_type <> '比率' AND r.target_pct IS NULL THEN coalesce(m.event_count, 0) END AS event_count,
    r.points_per_event,
    r.points_max,
    coalesce(m.unpointed_count, 0) AS unpointed_count,
    coalesce(m.event_points, 0) AS event_points,
    r.valid_from,
    r.source
  FROM whistle_count_by_department_period AS u
  INNER JOIN score_rule_by_period AS r
    ON r.period_kind = u.period_kind AND r.period_window = u.period_window AND r.kind = u.kind
  LEFT JOIN score_measure_by_department_period AS m
    ON m.period_kind = u.period_kind
    AND m.period_window = u.period_window
    AND m.department = u.department
    AND m.measure = r.measure
  WHERE u.row_level = 'unit' AND r.rule_type <> '总分'
),
weighed AS (
  SELECT
    *,
    CASE
      WHEN rule_type = '比率' THEN linear_points(rate, full_points, target_pct, points_per_pct, floor_points, 10)
      WHEN target_pct IS NOT NULL THEN
        -- What is missing to the target, in decimals.
        CASE WHEN linear_points(rate, 0, target_pct, 1, -100, 10) = 0 THEN full_points ELSE 0 END
      WHEN points_per_event IS NULL THEN event_points
      ELSE event_count * points_per_event
    END AS uncapped_points
  FROM listed
)
SELECT
  period_kind,
  period_window,
  kind,
  department_code,
  department,
  rule_type,
  rule_type_order,
  indicator,
  item_order,
  measure,
  numerator,
  denominator,
  rate,
  target_pct,
  points_per_pct,
  full_points,
  floor_points,
  event_count,
  points_per_event,
  points_max,
  unpointed_count,
  CASE WHEN uncapped_points > points_max THEN points_max ELSE uncapped_points END AS points,
  valid_from,
  source
FROM weighed

-- A period is scored by the rules that hold on its last day: one of last year by last year's. Of two that hold at once the
-- later one counts.
WITH held AS (
  SELECT
    p.period_kind,
    p.period_window,
    r.kind,
    r.rule_type,
    r.rule_type_order,
    r.indicator,
    r.item_order,
    r.measure,
    r.full_points,
    r.target_pct,
    r.points_per_pct,
    r.floor_points,
    r.points_per_event,
    r.points_max,
    r.valid_from,
    r.valid_to,
    r.source,
    row_number() OVER (
      PARTITION BY p.period_kind, p.period_window, r.kind, r.indicator ORDER BY r.valid_from DESC
    ) AS nth
  FROM report_period AS p
  INNER JOIN stg_score_rules AS r ON r.valid_from <= p.end_date AND p.end_date < r.valid_to
)
SELECT
  period_kind,
  period_window,
  kind,
  rule_type,
  rule_type_order,
  indicator,
  item_order,
  measure,
  full_points,
  target_pct,
  points_per_pct,
  floor_points,
  points_per_event,
  points_max,
  valid_from,
  valid_to,
  source
FROM held
WHERE nth = 1

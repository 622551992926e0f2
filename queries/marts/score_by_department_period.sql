-- score = full × Σ points of rates ÷ Σ full points of the rates with cases − deductions + additions, within the bounds of the
-- rule 总分, rounded once. Where no rule says so, full is 100 and there are no bounds. Without any rate there is no score.
WITH summed AS (
  SELECT
    period_kind,
    period_window,
    kind,
    department_code,
    department,
    sum(points) FILTER (WHERE rule_type = '比率') AS rate_points,
    sum(full_points) FILTER (WHERE rule_type = '比率' AND points IS NOT NULL) AS rate_full_points,
    coalesce(sum(points) FILTER (WHERE rule_type = '扣分'), 0) AS deducted_points,
    coalesce(sum(points) FILTER (WHERE rule_type = '加分'), 0) AS added_points
  FROM score_item_by_department_period
  GROUP BY period_kind, period_window, kind, department_code, department
),
bounded AS (
  SELECT
    s.*,
    coalesce(b.full_points, 100) AS score_full,
    b.floor_points AS score_min,
    b.points_max AS score_max,
    coalesce(b.full_points, 100) * rate(s.rate_points, s.rate_full_points) AS base_points
  FROM summed AS s
  LEFT JOIN score_rule_by_period AS b
    ON b.period_kind = s.period_kind
    AND b.period_window = s.period_window
    AND b.kind = s.kind
    AND b.rule_type = '总分'
    AND b.indicator = '总分'
),
unbounded AS (
  -- Sums of binary fractions, freed of their last digits.
  SELECT *, round_half_up(base_points - deducted_points + added_points, 9) AS unbounded_score
  FROM bounded
)
SELECT
  period_kind,
  period_window,
  kind,
  department_code,
  department,
  rate_points,
  rate_full_points,
  score_full,
  base_points,
  deducted_points,
  added_points,
  unbounded_score,
  score_min,
  score_max,
  round_half_up(
    CASE
      WHEN unbounded_score < score_min THEN score_min
      WHEN unbounded_score > score_max THEN score_max
      ELSE unbounded_score
    END,
    2
  ) AS score
FROM unbounded

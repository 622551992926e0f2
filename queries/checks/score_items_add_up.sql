-- What the lines of 评分明细 count for comes to the score, to the hundredth; the bounds only cut, and rounding is never more than
-- half a hundredth for each line and for the score. 吹哨办理情况表 and 吹哨办理通报 print that score.
WITH lines AS (
  SELECT
    period_kind,
    period_window,
    department,
    coalesce(round_half_up(sum(score_points) FILTER (WHERE row_level = 'item'), 2), 0) AS item_points,
    max(score_points) FILTER (WHERE row_level = 'total') AS score,
    coalesce(max(abs(score_points)) FILTER (WHERE indicator = '四舍五入'), 0) AS rounding_points,
    count(*) FILTER (WHERE row_level = 'item') AS item_count
  FROM score_detail_by_department_period
  GROUP BY period_kind, period_window, department
),
printed AS (
  SELECT period_kind, period_window, department, score
  FROM whistle_by_department_period
  WHERE row_level = 'unit'
  UNION ALL
  SELECT 'year', 'current', department, score_year
  FROM whistle_by_department
  WHERE row_level = 'unit'
)
SELECT period_kind, period_window, department, 'sum' AS problem, item_points AS ours, score AS theirs
FROM lines
WHERE item_points IS DISTINCT FROM score
UNION ALL
SELECT period_kind, period_window, department, 'rounding' AS problem, rounding_points AS ours, 0 AS theirs
FROM lines
WHERE rounding_points > 0.005 * (item_count + 1)
UNION ALL
SELECT p.period_kind, p.period_window, p.department, 'printed' AS problem, p.score AS ours, l.score AS theirs
FROM printed AS p
LEFT JOIN lines AS l
  ON l.period_kind = p.period_kind AND l.period_window = p.period_window AND l.department = p.department
WHERE p.score IS DISTINCT FROM l.score

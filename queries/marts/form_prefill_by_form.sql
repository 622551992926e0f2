-- The month of the as-of date beside the whole one before it. A form that was filled in either has a row.
WITH this_month AS (
  SELECT *
  FROM form_prefill_by_month
  WHERE to_char(filled_month, '%Y-%m') = to_char(as_of_date(), '%Y-%m')
),
last_month AS (
  SELECT *
  FROM form_prefill_by_month
  WHERE to_char(filled_month, '%Y-%m') = to_char(period_start('month', as_of_date()) - 1, '%Y-%m')
)
SELECT
  coalesce(n.form, p.form) AS form,
  coalesce(n.department, p.department) AS department,
  n.form IS NOT NULL AS is_filled,
  n.community_count AS filled_community_count,
  n.row_count,
  n.asked_cell_count,
  n.filled_cell_count,
  n.old_cell_count,
  n.missing_cell_count,
  n.prefill_rate,
  n.old_rate,
  p.community_count AS filled_community_count_previous,
  p.asked_cell_count AS asked_cell_count_previous,
  p.filled_cell_count AS filled_cell_count_previous,
  p.prefill_rate AS prefill_rate_previous,
  point_change(n.prefill_rate, p.prefill_rate) AS prefill_period_on_period_points
FROM this_month AS n
FULL JOIN last_month AS p ON p.form = n.form
ORDER BY department NULLS LAST, form

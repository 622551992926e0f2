-- Rates of all forms together, from their cells.
WITH added AS (
  SELECT
    count(*) FILTER (WHERE is_filled) AS filled_form_count,
    sum(asked_cell_count) AS asked_cell_count,
    sum(filled_cell_count) AS filled_cell_count,
    sum(old_cell_count) AS old_cell_count,
    sum(missing_cell_count) AS missing_cell_count,
    count(filled_community_count_previous) AS filled_form_count_previous,
    sum(asked_cell_count_previous) AS asked_cell_count_previous,
    sum(filled_cell_count_previous) AS filled_cell_count_previous
  FROM form_prefill_by_form
),
rated AS (
  SELECT
    *,
    CAST(filled_cell_count AS DOUBLE) / nullif(asked_cell_count, 0) AS prefill_rate,
    CAST(old_cell_count AS DOUBLE) / nullif(filled_cell_count, 0) AS old_rate,
    CAST(filled_cell_count_previous AS DOUBLE) / nullif(asked_cell_count_previous, 0) AS prefill_rate_previous
  FROM added
)
SELECT
  filled_form_count,
  asked_cell_count,
  filled_cell_count,
  old_cell_count,
  missing_cell_count,
  prefill_rate,
  old_rate,
  filled_form_count_previous,
  asked_cell_count_previous,
  filled_cell_count_previous,
  prefill_rate_previous,
  point_change(prefill_rate, prefill_rate_previous) AS prefill_period_on_period_points
FROM rated
WHERE filled_form_count + filled_form_count_previous > 0

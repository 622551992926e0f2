-- The last filling of a form for a community in a month speaks for the month.
WITH numbered AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY form, community_code, filled_month ORDER BY filled_on DESC NULLS LAST
    ) AS position
  FROM stg_form_fills
)
SELECT
  filled_month,
  form,
  max(title) AS title,
  max(department) AS department,
  count(*) AS community_count,
  sum(row_count) AS row_count,
  sum(asked_cell_count) AS asked_cell_count,
  sum(filled_cell_count) AS filled_cell_count,
  sum(old_cell_count) AS old_cell_count,
  sum(asked_cell_count) - sum(filled_cell_count) AS missing_cell_count,
  CAST(sum(filled_cell_count) AS DOUBLE) / nullif(sum(asked_cell_count), 0) AS prefill_rate,
  CAST(sum(old_cell_count) AS DOUBLE) / nullif(sum(filled_cell_count), 0) AS old_rate
FROM numbered
WHERE position = 1
GROUP BY filled_month, form
ORDER BY filled_month, form

WITH forms AS (
  SELECT
    count(*) AS form_count,
    count(*) FILTER (WHERE filings_per_year IS NULL) AS unscheduled_form_count,
    max(unit_count) AS unit_count,
    sum(item_count) AS item_count,
    sum(filings_per_year * unit_count) AS filing_count_year
  FROM stg_department_forms
),
elements AS (
  SELECT
    count(*) AS element_count,
    count(*) FILTER (WHERE form_count > 1) AS shared_element_count,
    sum(cells_per_year) AS cell_count_year,
    sum(needed_cells_per_year) AS needed_cell_count_year
  FROM stg_department_form_elements
)
SELECT
  f.form_count,
  f.unscheduled_form_count,
  f.unit_count,
  f.item_count,
  e.element_count,
  f.item_count - e.element_count AS repeated_item_count,
  CAST(f.item_count - e.element_count AS DOUBLE) / nullif(f.item_count, 0) AS duplicate_rate,
  e.shared_element_count,
  f.filing_count_year,
  e.cell_count_year,
  e.needed_cell_count_year,
  e.cell_count_year - e.needed_cell_count_year AS repeated_cell_count_year,
  CAST(e.cell_count_year - e.needed_cell_count_year AS DOUBLE) / nullif(e.cell_count_year, 0) AS repeated_cell_rate_year
FROM forms AS f
CROSS JOIN elements AS e
WHERE f.form_count > 0

SELECT
  form,
  title,
  department,
  every,
  filings_per_year,
  unit_count,
  item_count,
  row_count,
  cell_count,
  row_number() OVER (ORDER BY department NULLS LAST, form) AS form_sort
FROM department_forms

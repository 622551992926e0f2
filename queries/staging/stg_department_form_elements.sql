SELECT
  element,
  element_label,
  subject,
  owner,
  source,
  form_count,
  cells_per_year,
  needed_cells_per_year
FROM department_form_elements

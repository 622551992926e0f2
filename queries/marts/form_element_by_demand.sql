SELECT
  e.element,
  e.element_label,
  e.subject,
  e.owner,
  e.source,
  e.form_count,
  e.cells_per_year AS cell_count_year,
  e.needed_cells_per_year AS needed_cell_count_year,
  e.cells_per_year - e.needed_cells_per_year AS repeated_cell_count_year,
  array_to_string(array_sort(array_agg(DISTINCT i.item)), '、') AS item_names,
  array_to_string(array_sort(array_agg(DISTINCT i.form)), '、') AS form_names
FROM stg_department_form_elements AS e
JOIN stg_department_form_items AS i ON i.element = e.element
WHERE e.form_count > 1
GROUP BY
  e.element, e.element_label, e.subject, e.owner, e.source, e.form_count, e.cells_per_year, e.needed_cells_per_year
ORDER BY e.form_count DESC NULLS LAST, e.element

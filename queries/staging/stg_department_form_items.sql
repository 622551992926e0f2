SELECT
  form,
  item_number,
  place,
  item,
  unit,
  element,
  element_label,
  is_known,
  state,
  cell_count
FROM department_form_items

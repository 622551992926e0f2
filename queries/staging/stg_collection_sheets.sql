-- Sheets sent up to the as-of date.
SELECT
  sheet_id,
  community_code,
  issued_on,
  to_char(issued_on, '%Y-%m') AS month,
  form_count,
  row_count,
  blank_cell_count,
  old_cell_count,
  known_cell_count,
  separate_cell_count
FROM collection_sheets
WHERE issued_on <= as_of_date()

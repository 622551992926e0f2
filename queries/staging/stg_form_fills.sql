-- Fillings up to the as-of date.
SELECT
  form,
  title,
  department,
  filled_on,
  date_trunc('month', filled_on) AS filled_month,
  community_code,
  row_count,
  asked_cell_count,
  filled_cell_count,
  old_cell_count
FROM form_fills
WHERE filled_on <= as_of_date()

-- The month of the as-of date beside the whole one before it. Where neither has a filling or a sheet there is no row.
WITH months AS (
  SELECT
    to_char(as_of_date(), '%Y-%m') AS month,
    to_char(period_start('month', as_of_date()) - 1, '%Y-%m') AS previous_month,
    period_label('month', period_start('month', as_of_date()) - 1) AS previous_label
)
SELECT
  m.month,
  m.previous_label,
  f.filled_form_count,
  f.asked_cell_count,
  f.filled_cell_count,
  f.old_cell_count AS filled_old_cell_count,
  f.missing_cell_count,
  f.prefill_rate,
  f.old_rate,
  f.asked_cell_count_previous,
  f.filled_cell_count_previous,
  f.prefill_rate_previous,
  f.prefill_period_on_period_points,
  coalesce(s.sheet_count, 0) AS sheet_count,
  s.sheet_community_count,
  s.filing_count,
  s.saved_filing_count,
  s.separate_cell_count,
  s.collected_cell_count,
  s.saved_cell_count,
  s.saved_rate,
  sp.separate_cell_count AS separate_cell_count_previous,
  sp.collected_cell_count AS collected_cell_count_previous,
  sp.saved_cell_count AS saved_cell_count_previous,
  sp.saved_rate AS saved_rate_previous,
  point_change(s.saved_rate, sp.saved_rate) AS saved_period_on_period_points,
  c.returned_sheet_count,
  c.unreturned_sheet_count,
  c.return_rate,
  cp.sheet_count AS sheet_count_previous,
  cp.returned_sheet_count AS returned_sheet_count_previous,
  cp.return_rate AS return_rate_previous,
  point_change(c.return_rate, cp.return_rate) AS return_period_on_period_points,
  c.prefilled_cell_count,
  c.changed_cell_count,
  c.correction_rate,
  cp.prefilled_cell_count AS prefilled_cell_count_previous,
  cp.changed_cell_count AS changed_cell_count_previous,
  cp.correction_rate AS correction_rate_previous,
  point_change(c.correction_rate, cp.correction_rate) AS correction_period_on_period_points,
  c.added_cell_count,
  c.accepted_cell_count,
  c.confirmed_cell_count,
  c.conflict_cell_count,
  c.refused_cell_count,
  c.conflict_cell_count + c.refused_cell_count AS disputed_cell_count,
  b.form_count,
  b.item_count,
  b.element_count,
  b.repeated_item_count,
  b.duplicate_rate,
  b.cell_count_year,
  b.repeated_cell_count_year,
  b.repeated_cell_rate_year
FROM months AS m
LEFT JOIN form_prefill_headline AS f ON f.filled_form_count + f.filled_form_count_previous > 0
LEFT JOIN collection_saving_by_month AS s ON s.month = m.month
LEFT JOIN collection_saving_by_month AS sp ON sp.month = m.previous_month
LEFT JOIN form_correction_by_month AS c ON c.month = m.month
LEFT JOIN form_correction_by_month AS cp ON cp.month = m.previous_month
LEFT JOIN form_burden_headline AS b ON b.form_count > 0
WHERE coalesce(f.filled_form_count + f.filled_form_count_previous, 0)
  + coalesce(s.sheet_count, 0) + coalesce(sp.sheet_count, 0) > 0

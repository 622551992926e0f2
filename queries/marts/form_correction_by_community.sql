-- A sheet and what came back of it belong to the month in which it was sent.
SELECT
  s.month,
  s.month = to_char(as_of_date(), '%Y-%m') AS is_current_month,
  s.community_code,
  coalesce(max(c.community_name), s.community_code) AS community_name,
  max(c.subdistrict_code) AS subdistrict_code,
  max(c.subdistrict_name) AS subdistrict_name,
  count(*) AS sheet_count,
  count(r.sheet_id) AS returned_sheet_count,
  count(*) - count(r.sheet_id) AS unreturned_sheet_count,
  CAST(count(r.sheet_id) AS DOUBLE) / nullif(count(*), 0) AS return_rate,
  sum(r.prefilled_cell_count) AS prefilled_cell_count,
  sum(r.changed_cell_count) AS changed_cell_count,
  CAST(sum(r.changed_cell_count) AS DOUBLE) / nullif(sum(r.prefilled_cell_count), 0) AS correction_rate,
  sum(r.added_cell_count) AS added_cell_count,
  sum(r.accepted_cell_count) AS accepted_cell_count,
  sum(r.confirmed_cell_count) AS confirmed_cell_count,
  sum(r.conflict_cell_count) AS conflict_cell_count,
  sum(r.refused_cell_count) AS refused_cell_count,
  sum(r.conflict_cell_count) + sum(r.refused_cell_count) AS disputed_cell_count,
  sum(s.form_count) AS filing_count,
  sum(s.form_count) - count(*) AS saved_filing_count,
  sum(s.separate_cell_count) AS separate_cell_count,
  sum(s.blank_cell_count) AS blank_cell_count,
  sum(s.old_cell_count) AS old_cell_count,
  sum(s.blank_cell_count) + sum(s.old_cell_count) AS collected_cell_count,
  sum(s.separate_cell_count) - sum(s.blank_cell_count) - sum(s.old_cell_count) AS saved_cell_count,
  CAST(sum(s.separate_cell_count) - sum(s.blank_cell_count) - sum(s.old_cell_count) AS DOUBLE)
    / nullif(sum(s.separate_cell_count), 0) AS saved_rate
FROM stg_collection_sheets AS s
LEFT JOIN stg_collection_returns AS r ON r.sheet_id = s.sheet_id
LEFT JOIN stg_communities AS c ON c.community_code = s.community_code
GROUP BY s.month, s.community_code
ORDER BY s.month, s.community_code

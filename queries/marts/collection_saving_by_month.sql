-- One sheet takes the place of a filing of each of its forms.
SELECT
  s.month,
  count(*) AS sheet_count,
  count(DISTINCT s.community_code) AS sheet_community_count,
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
GROUP BY s.month
ORDER BY s.month

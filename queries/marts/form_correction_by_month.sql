-- A sheet and what came back of it belong to the month in which it was sent.
SELECT
  s.month,
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
  sum(r.refused_cell_count) AS refused_cell_count
FROM stg_collection_sheets AS s
LEFT JOIN stg_collection_returns AS r ON r.sheet_id = s.sheet_id
GROUP BY s.month
ORDER BY s.month

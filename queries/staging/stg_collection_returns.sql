-- A file handed in is compared with the sheet as it was sent, as a whole: the last one speaks for the sheet.
WITH numbered AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY sheet_id ORDER BY returned_at DESC NULLS LAST, file_hash) AS position,
    count(*) OVER (PARTITION BY sheet_id) AS file_count
  FROM collection_returns
  WHERE collected_on <= as_of_date()
)
SELECT
  sheet_id,
  file_hash,
  community_code,
  returned_at,
  file_count,
  prefilled_cell_count,
  changed_cell_count,
  added_cell_count,
  accepted_cell_count,
  conflict_cell_count,
  refused_cell_count
FROM numbered
WHERE position = 1

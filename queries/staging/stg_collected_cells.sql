-- Cells of the last file of each sheet, without what was in them. A file without changes has none and is the last all the
-- same. A cell that had a value when it was sent was changed by hand if another one came back.
WITH numbered AS (
  SELECT
    file_hash,
    row_number() OVER (PARTITION BY sheet_id ORDER BY returned_at DESC NULLS LAST, file_hash) AS position
  FROM collection_returns
  WHERE collected_on <= as_of_date()
)
SELECT
  c.file_hash,
  c.place,
  c.sheet_id,
  c.community_code,
  c.subject,
  c.element,
  c.element_label,
  c.base_value IS NOT NULL AND c.returned_value IS DISTINCT FROM c.base_value AS is_changed,
  c.outcome,
  c.returned_at
FROM collected_cells AS c
JOIN numbered AS n ON n.file_hash = c.file_hash
WHERE n.position = 1

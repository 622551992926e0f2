-- What was collected last of each object and element, up to the as-of date, where it was taken or looked at and still right.
WITH numbered AS (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY subject, object_id, element ORDER BY returned_at DESC NULLS LAST, file_hash, place
    ) AS position
  FROM collected_cells
  WHERE outcome IN ('采纳', '核实') AND collected_on <= as_of_date()
)
SELECT
  subject,
  object_id,
  element,
  element_label,
  community_code,
  returned_value AS value,
  collected_on,
  returned_at,
  file,
  place,
  _batch_id,
  _line
FROM numbered
WHERE position = 1

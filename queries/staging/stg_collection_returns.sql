-- A file handed in is compared with the sheet as it was sent, as a whole: the last one speaks for the sheet. What became of its
-- cells is counted as it stands today: a conflict that somebody decided is none any more.
WITH numbered AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY sheet_id ORDER BY returned_at DESC NULLS LAST, file_hash) AS position,
    count(*) OVER (PARTITION BY sheet_id) AS file_count
  FROM collection_returns
  WHERE collected_on <= as_of_date()
),
outcomes AS (
  SELECT
    file_hash,
    count(*) FILTER (WHERE outcome = '采纳') AS accepted_cell_count,
    count(*) FILTER (WHERE outcome = '核实') AS confirmed_cell_count,
    count(*) FILTER (WHERE outcome = '冲突') AS conflict_cell_count,
    count(*) FILTER (WHERE outcome = '退回') AS refused_cell_count
  FROM collected_cells
  GROUP BY file_hash
)
SELECT
  n.sheet_id,
  n.file_hash,
  n.community_code,
  n.returned_at,
  n.file_count,
  n.prefilled_cell_count,
  n.changed_cell_count,
  n.added_cell_count,
  coalesce(o.accepted_cell_count, 0) AS accepted_cell_count,
  coalesce(o.confirmed_cell_count, 0) AS confirmed_cell_count,
  coalesce(o.conflict_cell_count, 0) AS conflict_cell_count,
  coalesce(o.refused_cell_count, 0) AS refused_cell_count
FROM numbered AS n
LEFT JOIN outcomes AS o ON o.file_hash = n.file_hash
WHERE n.position = 1

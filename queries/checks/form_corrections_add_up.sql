-- Cells that were changed are told once with the return and once each.
WITH listed AS (
  SELECT month, sum(changed_cell_count) AS changed_cell_count
  FROM form_correction_by_element
  GROUP BY month
)
SELECT m.month, m.changed_cell_count, coalesce(l.changed_cell_count, 0) AS listed_cell_count
FROM form_correction_by_month AS m
LEFT JOIN listed AS l ON l.month = m.month
WHERE coalesce(m.changed_cell_count, 0) <> coalesce(l.changed_cell_count, 0)
ORDER BY m.month

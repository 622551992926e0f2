-- Cells of the last files of the sheets that were sent in a month. How many cells of an element came back unchanged is not
-- recorded, so that there is a share of the changes, and no rate.
WITH counted AS (
  SELECT
    s.month,
    c.element,
    max(c.element_label) AS element_label,
    max(c.subject) AS subject,
    count(*) AS changed_cell_count,
    count(*) FILTER (WHERE c.outcome = '采纳') AS changed_accepted_cell_count,
    count(*) FILTER (WHERE c.outcome = '冲突') AS changed_conflict_cell_count,
    count(*) FILTER (WHERE c.outcome = '退回') AS changed_refused_cell_count,
    count(DISTINCT c.community_code) AS changing_community_count
  FROM stg_collected_cells AS c
  JOIN stg_collection_sheets AS s ON s.sheet_id = c.sheet_id
  WHERE c.is_changed AND c.element IS NOT NULL
  GROUP BY s.month, c.element
),
totals AS (
  SELECT month, sum(changed_cell_count) AS changed_cell_count
  FROM counted
  GROUP BY month
)
SELECT
  n.month,
  n.month = to_char(as_of_date(), '%Y-%m') AS is_current_month,
  n.element,
  coalesce(n.element_label, n.element) AS element_label,
  n.subject,
  e.owner,
  n.changed_cell_count,
  n.changed_accepted_cell_count,
  n.changed_conflict_cell_count,
  n.changed_refused_cell_count,
  n.changing_community_count,
  t.changed_cell_count AS changed_cell_count_total,
  CAST(n.changed_cell_count AS DOUBLE) / nullif(t.changed_cell_count, 0) AS changed_share
FROM counted AS n
JOIN totals AS t ON t.month = n.month
LEFT JOIN stg_department_form_elements AS e ON e.element = n.element
ORDER BY n.month, n.changed_cell_count DESC NULLS LAST, n.element

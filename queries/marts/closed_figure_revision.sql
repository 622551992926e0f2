-- What figures of closed months would be by the records of today, where that is something else. Both are counted as of the
-- month's last day, so that nothing makes them differ but what was delivered after the closing, or a view that was changed.
WITH published AS (
  -- Columns that a view has got, or views that have come, since a month was closed were not published with it.
  SELECT DISTINCT month, view_name, column_name FROM closed_figures
),
found AS (
  SELECT r.*
  FROM recomputed_figures AS r
  INNER JOIN published AS p
    ON p.month = r.month AND p.view_name = r.view_name AND p.column_name = r.column_name
),
closings AS (
  SELECT month, view_name, max(closed_at) AS closed_at, max(as_of) AS closed_as_of, max(snapshot_id) AS closed_snapshot_id,
    max(definition) AS definition
  FROM closed_figures
  GROUP BY month, view_name
),
described AS (
  SELECT view_name, column_name, max(view_label) AS view_label, max(column_label) AS column_label, max(unit) AS unit
  FROM recomputed_figures
  GROUP BY view_name, column_name
),
delivered AS (
  SELECT month, view_name, max(definition) AS definition, max(deliveries) AS deliveries,
    max(delivery_count) AS delivery_count
  FROM recomputed_figures
  GROUP BY month, view_name
),
compared AS (
  SELECT
    coalesce(c.month, r.month) AS month,
    coalesce(c.view_name, r.view_name) AS view_name,
    coalesce(c.row_key, r.row_key) AS row_key,
    coalesce(c.row_name, r.row_name) AS row_name,
    coalesce(c.column_name, r.column_name) AS column_name,
    c.value AS original_value,
    r.value AS revised_value
  FROM closed_figures AS c
  FULL JOIN found AS r
    ON r.month = c.month AND r.view_name = c.view_name AND r.row_key = c.row_key AND r.column_name = c.column_name
)
SELECT
  v.month,
  concat(split_part(v.month, '-', 1), '年', CAST(CAST(split_part(v.month, '-', 2) AS INT) AS VARCHAR), '月') AS month_label,
  v.view_name,
  d.view_label,
  v.row_key,
  CASE WHEN v.row_name = v.month THEN '全区' ELSE v.row_name END AS row_name,
  v.column_name,
  coalesce(nullif(d.column_label, ''), v.column_name) AS column_label,
  coalesce(nullif(d.unit, ''), CASE WHEN v.column_name LIKE '%\_rate%' THEN '%' END) AS unit,
  v.original_value,
  v.revised_value,
  v.revised_value - v.original_value AS difference,
  c.closed_at,
  c.closed_as_of,
  c.closed_snapshot_id,
  (l.definition IS DISTINCT FROM c.definition) AS is_redefined,
  l.delivery_count,
  l.deliveries
FROM compared AS v
INNER JOIN closings AS c ON c.month = v.month AND c.view_name = v.view_name
LEFT JOIN described AS d ON d.view_name = v.view_name AND d.column_name = v.column_name
LEFT JOIN delivered AS l ON l.month = v.month AND l.view_name = v.view_name
WHERE (v.original_value IS DISTINCT FROM v.revised_value)
  -- Places in an order are no figures.
  AND v.column_name NOT LIKE '%\_sort'
ORDER BY v.month, v.view_name, v.row_key, v.column_name

-- One delivered row may break several rules: violations are counted per rule, rows once per rule and column.
WITH placed AS (
  SELECT
    coalesce(c.subdistrict_code, n.subdistrict_code) AS subdistrict_code,
    coalesce(c.subdistrict_name, n.subdistrict_name, '未知单位') AS subdistrict_name,
    q.table_name,
    q.rule,
    q.column_name,
    q.landed_at,
    q.cleared_by,
    concat(q.batch_id, '/', q.file, '/', q.line) AS row_key
  FROM quarantine AS q
  LEFT JOIN stg_subdistricts AS c ON c.subdistrict_code = q.unit
  LEFT JOIN stg_subdistricts AS n ON n.subdistrict_name = q.unit
)
SELECT
  subdistrict_code,
  subdistrict_name,
  table_name,
  rule,
  column_name,
  count(DISTINCT row_key) AS row_count,
  count(DISTINCT CASE WHEN cleared_by IS NULL THEN row_key END) AS open_row_count,
  count(DISTINCT CASE WHEN cleared_by IS NOT NULL THEN row_key END) AS cleared_row_count,
  min(landed_at) AS first_landed_at,
  max(landed_at) AS last_landed_at
FROM placed
GROUP BY subdistrict_code, subdistrict_name, table_name, rule, column_name
ORDER BY subdistrict_code NULLS LAST, table_name, row_count DESC NULLS LAST, rule, column_name

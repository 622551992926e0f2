-- closed_figure_revision as it is printed. whistle_count_by_month has the figures of whistle_by_period once more.
WITH shown AS (
  SELECT
    *,
    row_name IN ('合计', '全区') AS is_total,
    -- The last twelve months, and the one that this month is compared with by the year.
    month >= substr(CAST(date_trunc('month', as_of_date()) - INTERVAL '12 months' AS VARCHAR), 1, 7) AS is_recent,
    CASE
      WHEN unit = '%' THEN 'rate'
      WHEN unit = '分' THEN 'points'
      ELSE 'count'
    END AS measure
  FROM closed_figure_revision
  WHERE view_name <> 'whistle_count_by_month'
)
SELECT
  '月' AS period_name,
  month,
  month_label,
  is_recent,
  CASE WHEN is_recent THEN month ELSE 'earlier' END AS sheet,
  CASE WHEN is_recent THEN month_label ELSE '更早月份' END AS sheet_label,
  view_name,
  view_label,
  row_key,
  row_name,
  is_total,
  column_name,
  column_label,
  CASE WHEN unit <> '%' THEN unit END AS unit,
  CASE measure
    WHEN 'rate' THEN concat(CAST(CAST(round_half_up(100 * original_value, 2) AS DECIMAL(12, 2)) AS VARCHAR), '%')
    WHEN 'points' THEN CAST(CAST(round_half_up(original_value, 2) AS DECIMAL(12, 2)) AS VARCHAR)
    ELSE CAST(CAST(original_value AS BIGINT) AS VARCHAR)
  END AS original,
  CASE measure
    WHEN 'rate' THEN concat(CAST(CAST(round_half_up(100 * revised_value, 2) AS DECIMAL(12, 2)) AS VARCHAR), '%')
    WHEN 'points' THEN CAST(CAST(round_half_up(revised_value, 2) AS DECIMAL(12, 2)) AS VARCHAR)
    ELSE CAST(CAST(revised_value AS BIGINT) AS VARCHAR)
  END AS revised,
  CASE measure
    WHEN 'rate' THEN concat(CAST(CAST(round_half_up(100 * difference, 2) AS DECIMAL(12, 2)) AS VARCHAR), '个百分点')
    WHEN 'points' THEN CAST(CAST(round_half_up(difference, 2) AS DECIMAL(12, 2)) AS VARCHAR)
    ELSE CAST(CAST(difference AS BIGINT) AS VARCHAR)
  END AS difference,
  closed_at,
  closed_as_of,
  closed_snapshot_id,
  is_redefined,
  delivery_count,
  deliveries
FROM shown
ORDER BY month, view_name, row_key, column_name

-- Open whistles whose limit ends within the next days, by lead unit; 挂账 is left out, its clock stands still, and what is
-- past its limit already is no longer due. One total row over all units.
WITH due AS (
  SELECT
    w.department,
    w.due_at < as_of_end() + INTERVAL '1 day' AS is_next_day
  FROM stg_whistles AS w
  CROSS JOIN threshold_in_force AS t
  WHERE w.is_open AND NOT w.is_suspended
    AND w.due_at >= as_of_end()
    AND CAST(w.due_at AS DATE) <= as_of_date() + CAST(t.due_soon_days AS INT)
)
SELECT
  CASE WHEN grouping(department) = 1 THEN 'total' ELSE 'unit' END AS row_level,
  CASE WHEN grouping(department) = 1 THEN '合计' ELSE coalesce(department, '未派遣') END AS department,
  count(*) AS due_count,
  count(*) FILTER (WHERE is_next_day) AS due_next_day_count
FROM due
GROUP BY GROUPING SETS ((department), ())

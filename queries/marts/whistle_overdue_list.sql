-- 挂账 is left out: its clock stands still.
WITH assisting AS (
  SELECT whistle_id, string_agg(DISTINCT department, '、' ORDER BY department) AS departments
  FROM stg_whistle_tasks
  WHERE role = '协办' AND NOT is_returned
  GROUP BY whistle_id
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  w.grid_code,
  g.grid_name,
  w.whistle_id,
  w.level,
  w.category,
  w.title,
  w.address,
  w.department,
  a.departments AS assisting_departments,
  w.status,
  w.reported_at,
  w.due_at,
  CASE WHEN w.is_overdue THEN '已超期' ELSE '临期' END AS due_state,
  hours_between(w.due_at, as_of_end()) / 24 AS days_past_due,
  CASE WHEN w.is_overdue THEN as_of_date() - CAST(w.due_at AS DATE) END AS days_overdue,
  w.open_days,
  w.extension_count,
  w.return_count
FROM stg_whistles AS w
INNER JOIN stg_grids AS g ON g.grid_code = w.grid_code
LEFT JOIN assisting AS a ON a.whistle_id = w.whistle_id
WHERE w.is_open AND NOT w.is_suspended AND w.due_at < as_of_end() + INTERVAL '3 days'
ORDER BY w.due_at, w.whistle_id

-- What is under 挂账: out of 应办结 and never overdue, so it is listed apart. Whether the limit had passed before says
-- whether 挂账 came in time. Without a delivered date neither is known.
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
  w.department,
  w.reported_at,
  w.due_at,
  w.suspended_at,
  w.suspend_reason,
  as_of_date() - CAST(w.suspended_at AS DATE) AS suspended_days,
  w.suspended_at > w.due_at AS is_suspended_late,
  whistle_elapsed_hours(w.reported_at, w.closed_at, w.suspended_at, w.resumed_at) AS working_hours_elapsed
FROM stg_whistles AS w
INNER JOIN stg_grids AS g ON g.grid_code = w.grid_code
WHERE w.is_open AND w.is_suspended
ORDER BY w.suspended_at NULLS LAST, w.whistle_id

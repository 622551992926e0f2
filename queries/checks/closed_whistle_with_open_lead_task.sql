-- A lead task that was returned does not count: another unit took the lead over.
SELECT w.whistle_id, w.grid_code, w.closed_at, t.task_id, t.department
FROM stg_whistles AS w
INNER JOIN stg_whistle_tasks AS t ON t.whistle_id = w.whistle_id
WHERE w.is_closed AND NOT w.is_void AND t.role = '主办' AND t.is_open
ORDER BY w.whistle_id, t.task_id

SELECT w.whistle_id, w.grid_code, w.level, w.status, w.department
FROM stg_whistles AS w
LEFT ANTI JOIN (SELECT whistle_id FROM stg_whistle_tasks WHERE role = '主办') AS t ON t.whistle_id = w.whistle_id
WHERE NOT w.is_void AND w.dispatched_at < as_of_end()
ORDER BY w.whistle_id

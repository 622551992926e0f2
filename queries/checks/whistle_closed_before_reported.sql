SELECT whistle_id, grid_code, reported_at, closed_at
FROM stg_whistles
WHERE closed_at < reported_at
ORDER BY whistle_id

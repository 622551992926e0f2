SELECT whistle_id, level, category, reported_at, due_at, rule_due_at, due_gap_hours, extension_count
FROM whistle_clock_list
WHERE is_due_different
ORDER BY whistle_id

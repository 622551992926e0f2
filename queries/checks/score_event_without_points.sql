-- An item without points per event is worth what its events say; one that says nothing would cost nothing.
SELECT period_kind, period_window, department, indicator, unpointed_count
FROM score_item_by_department_period
WHERE rule_type <> '比率' AND target_pct IS NULL AND points_per_event IS NULL AND unpointed_count > 0
ORDER BY period_kind, period_window, department, indicator

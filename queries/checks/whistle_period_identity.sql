-- 期初在办 + 新增(含转入) = 办结 + 退回 + 期末在办 has to hold for every unit in every period, and a total has to be the sum
-- of its units.
SELECT period_kind, period_window, coalesce(kind, '') AS kind, department, 'identity' AS problem, identity_gap AS gap
FROM whistle_by_department_period
WHERE identity_gap <> 0
UNION ALL
SELECT u.period_kind, u.period_window, coalesce(u.kind, '') AS kind, '合计' AS department, 'sum' AS problem, u.parts - k.whole AS gap
FROM (
  SELECT period_kind, period_window, kind, sum(task_count + new_count + due_count + open_count) AS parts
  FROM whistle_by_department_period
  WHERE row_level = 'unit'
  GROUP BY period_kind, period_window, kind
) AS u
INNER JOIN (
  SELECT period_kind, period_window, kind, task_count + new_count + due_count + open_count AS whole
  FROM whistle_by_department_period
  WHERE row_level = 'kind'
) AS k
  ON k.period_kind = u.period_kind AND k.period_window = u.period_window AND k.kind IS NOT DISTINCT FROM u.kind
WHERE u.parts <> k.whole

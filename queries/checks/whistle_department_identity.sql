-- 期初在办 + 本期新增 = 本期办结 + 退回 + 期末在办 has to hold for every unit, and the units together have to
-- hold every task that counts.
SELECT department, 'month' AS problem, identity_gap_month AS gap
FROM whistle_by_department
WHERE row_level = 'unit' AND identity_gap_month <> 0
UNION ALL
SELECT department, 'year' AS problem, identity_gap_year AS gap
FROM whistle_by_department
WHERE row_level = 'unit' AND identity_gap_year <> 0
UNION ALL
SELECT '合计' AS department, 'open tasks' AS problem, listed.open_count - counted.open_count AS gap
FROM (
  SELECT coalesce(sum(open_count), 0) AS open_count FROM whistle_by_department WHERE row_level = 'unit'
) AS listed
CROSS JOIN (
  SELECT count(*) AS open_count
  FROM stg_whistle_tasks AS t
  LEFT JOIN stg_whistles AS w ON w.whistle_id = t.whistle_id
  WHERE t.is_open AND NOT coalesce(w.is_void, false)
) AS counted
WHERE listed.open_count <> counted.open_count

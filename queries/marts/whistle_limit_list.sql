-- The limits in force on the as-of date, the later of two of the same kind. Each task and whistle is measured by the row
-- that held on its own day: whistle_task_clock, whistle_clock_list.
WITH in_force AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY category, level, step ORDER BY valid_from DESC) AS nth
  FROM stg_whistle_limits
  WHERE valid_from <= as_of_date() AND as_of_date() < valid_to
)
SELECT
  CASE step WHEN '签收' THEN 1 WHEN '到场' THEN 2 ELSE 3 END AS step_order,
  step,
  CASE WHEN category = '全部' THEN 0 ELSE coalesce(code_sort('吹哨类别', category), 1000) END AS category_order,
  category,
  CASE WHEN level = '全部' THEN 0 ELSE coalesce(code_sort('哨级', level), 1000) END AS level_order,
  level,
  amount,
  unit,
  start_event,
  valid_from,
  valid_to,
  source
FROM in_force
WHERE nth = 1
ORDER BY step_order, category_order, category, level_order, level

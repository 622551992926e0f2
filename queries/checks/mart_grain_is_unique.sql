-- Marts whose key is more than one column and has no test beside the view.
WITH keys AS (
  SELECT 'shop_by_category' AS mart, concat_ws('/', place_code, category) AS row_key FROM shop_by_category
  UNION ALL
  SELECT 'nine_small_by_place', concat_ws('/', place_code, nine_small) FROM nine_small_by_place
  UNION ALL
  SELECT 'visit_by_kind', concat_ws('/', place_code, subject_kind, method) FROM visit_by_kind
  UNION ALL
  SELECT 'whistle_by_grid_category', concat_ws('/', grid_code, level, category) FROM whistle_by_grid_category
  UNION ALL
  SELECT 'whistle_by_place', concat_ws('/', place_code, level) FROM whistle_by_place
  UNION ALL
  SELECT 'whistle_by_category', concat_ws('/', category, level) FROM whistle_by_category
  UNION ALL
  SELECT 'whistle_ageing', concat_ws('/', level, age_class) FROM whistle_ageing
  UNION ALL
  SELECT 'whistle_by_grid_week', concat_ws('/', grid_code, week_start) FROM whistle_by_grid_week
  UNION ALL
  SELECT
    'whistle_by_department',
    -- A unit has its name alone, a total that of its kind.
    concat_ws('/', row_level, CASE WHEN row_level = 'total' THEN kind END, department)
  FROM whistle_by_department
  UNION ALL
  SELECT 'score_rule_list', concat_ws('/', kind, indicator) FROM score_rule_list
  UNION ALL
  SELECT 'whistle_limit_list', concat_ws('/', step, category, level) FROM whistle_limit_list
)
SELECT mart, row_key, count(*) AS row_count
FROM keys
GROUP BY mart, row_key
HAVING count(*) > 1
ORDER BY mart, row_key

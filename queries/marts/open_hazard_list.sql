SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  k.grid_code,
  g.grid_name,
  k.check_id,
  k.shop_id,
  s.name AS shop_name,
  s.category,
  s.nine_small,
  s.address,
  k.check_kind,
  k.checked_date,
  k.inspector,
  k.hazard_count,
  k.hazard,
  k.measure,
  k.due_date,
  k.recheck_result,
  as_of_date() - k.checked_date AS days_open,
  k.is_overdue,
  CASE WHEN k.is_overdue THEN as_of_date() - k.due_date END AS days_overdue
FROM stg_shop_checks AS k
INNER JOIN stg_grids AS g ON g.grid_code = k.grid_code
LEFT JOIN stg_shops AS s ON s.shop_id = k.shop_id
WHERE k.is_hazard_open
ORDER BY k.due_date ASC NULLS LAST, k.grid_code, k.check_id

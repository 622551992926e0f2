-- Checks made up to the as-of date. A hazard is open until a recheck says 已整改; a recheck after the date does not count yet.
WITH made AS (
  SELECT
    *,
    rechecked_at < as_of_end() AND recheck_result = '已整改' AS is_rectified_yet
  FROM shop_checks
  WHERE checked_at < as_of_end()
)
SELECT
  check_id,
  shop_id,
  checked_at,
  CAST(checked_at AS DATE) AS checked_date,
  inspector,
  check_kind,
  is_fire_ok,
  is_gas_ok,
  is_electric_ok,
  is_exit_ok,
  is_sleeping_ok,
  hazard_count,
  hazard_count > 0 AS has_hazard,
  hazard_count > 0 AND NOT coalesce(is_rectified_yet, false) AS is_hazard_open,
  hazard_count > 0 AND NOT coalesce(is_rectified_yet, false)
    AND coalesce(due_date < as_of_date(), false) AS is_overdue,
  hazard,
  measure,
  due_date,
  responsible,
  rechecked_at,
  recheck_result,
  grid_code,
  updated_at,
  _batch_id,
  _line
FROM made

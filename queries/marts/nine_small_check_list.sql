-- A hazard stays open until a recheck says 已整改, so a later check without hazards does not close an earlier one,
-- and one past its limit is overdue whatever a later check found.
WITH ranked AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY shop_id ORDER BY checked_at DESC NULLS LAST, check_id DESC) AS recency
  FROM stg_shop_checks
),
latest AS (
  SELECT * FROM ranked WHERE recency = 1
),
left_open AS (
  SELECT shop_id, min(CASE WHEN is_overdue THEN due_date END) AS overdue_due_date
  FROM ranked
  WHERE recency > 1 AND is_hazard_open
  GROUP BY shop_id
)
SELECT
  g.subdistrict_code,
  g.subdistrict_name,
  g.community_code,
  g.community_name,
  g.grid_code,
  g.grid_name,
  g.grid_short_name,
  s.shop_id,
  s.name AS shop_name,
  s.nine_small,
  code_sort('九小场所', s.nine_small) AS nine_small_sort,
  s.address,
  -- The part after the community, which another column names.
  coalesce(nullif(split_part(s.address, g.community_name, 2), ''), s.address) AS local_address,
  s.area_m2,
  s.status AS shop_status,
  s.owner_name,
  mask_phone(s.phone) AS phone_masked,
  k.check_id,
  k.check_kind,
  k.checked_date,
  as_of_date() - k.checked_date AS days_since_check,
  k.inspector,
  k.is_fire_ok,
  k.is_gas_ok,
  k.is_electric_ok,
  k.is_exit_ok,
  k.is_sleeping_ok,
  k.hazard_count,
  k.hazard,
  k.measure,
  k.due_date,
  k.responsible,
  CAST(k.rechecked_at AS DATE) AS recheck_date,
  k.recheck_result,
  CASE
    WHEN k.check_id IS NULL THEN '未检查'
    WHEN k.is_overdue OR p.overdue_due_date IS NOT NULL THEN '超期未整改'
    WHEN k.is_hazard_open THEN '整改中'
    WHEN p.shop_id IS NOT NULL THEN '前次未整改'
    WHEN k.hazard_count = 0 THEN '无隐患'
    ELSE '已整改'
  END AS rectification_state,
  least(CASE WHEN k.is_overdue THEN k.due_date END, p.overdue_due_date) AS overdue_due_date
FROM stg_shops AS s
INNER JOIN stg_grids AS g ON g.grid_code = s.grid_code
LEFT JOIN latest AS k ON k.shop_id = s.shop_id
LEFT JOIN left_open AS p ON p.shop_id = s.shop_id
WHERE s.is_nine_small
ORDER BY s.grid_code, nine_small_sort, s.shop_id

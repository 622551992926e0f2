-- The dates are what counts: a clock without a date of 挂账 stands by its status alone, one without a date of going on stands
-- for ever.
SELECT whistle_id, grid_code, status, suspended_at, resumed_at
FROM stg_whistles
WHERE is_open AND (
  (status = '挂账' AND suspended_at IS NULL)
  OR (status = '挂账') <> is_suspended
  OR (resumed_at IS NOT NULL AND suspended_at IS NULL)
)
ORDER BY whistle_id

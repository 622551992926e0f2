-- 社区矫正 and 精神障碍 stay in this view, marked, so that general marts can leave them out in one place.
SELECT
  resident_id,
  tag,
  tag IN ('社区矫正', '精神障碍') AS is_sensitive,
  level,
  since_date,
  guardian,
  guardian_phone,
  visit_cycle_days,
  updated_at,
  _batch_id,
  _line
FROM resident_tags

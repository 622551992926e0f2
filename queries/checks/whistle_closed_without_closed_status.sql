-- The closing time is what counts in every figure; a status that contradicts it is wrong somewhere.
SELECT whistle_id, grid_code, status, closed_at
FROM stg_whistles
WHERE (closed_at IS NOT NULL AND status NOT IN ('已办结', '已结案', '已作废'))
  OR (closed_at IS NULL AND status IN ('已办结', '已结案'))
ORDER BY whistle_id

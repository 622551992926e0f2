-- Events up to the as-of date that somebody has confirmed; 待核实 does not count yet, 已撤销 no more.
SELECT
  event_id,
  department,
  event_date,
  item,
  coalesce(event_count, 1) AS event_count,
  points,
  basis,
  updated_at,
  _batch_id,
  _line
FROM score_events
WHERE status = '已认定' AND event_date <= as_of_date()

-- Visits made up to the as-of date.
SELECT
  visit_id,
  grid_code,
  visitor,
  visited_at,
  CAST(visited_at AS DATE) AS visited_date,
  CAST(as_of_date() AS INT) - CAST(CAST(visited_at AS DATE) AS INT) AS days_since,
  method,
  subject_kind,
  subject_id,
  reason,
  summary,
  issue_flag,
  whistle_id,
  whistle_id IS NOT NULL AS is_whistled,
  updated_at,
  _batch_id,
  _line
FROM visits
WHERE visited_at < as_of_end()

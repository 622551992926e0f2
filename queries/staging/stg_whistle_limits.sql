SELECT
  category,
  level,
  step,
  amount,
  unit,
  start_event,
  valid_from,
  valid_to,
  source
FROM whistle_limits

SELECT
  class,
  measure,
  limit_value,
  unit,
  source
FROM nine_small_limits

SELECT
  date,
  kind,
  kind = '休' AS is_rest_day,
  festival
FROM holidays

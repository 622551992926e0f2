SELECT
  name,
  label,
  value,
  unit,
  valid_from,
  valid_to,
  valid_from <= as_of_date() AND as_of_date() < valid_to AS is_in_force,
  source
FROM thresholds

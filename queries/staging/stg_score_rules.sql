SELECT
  kind,
  indicator,
  full_points,
  target_pct,
  points_per_pct,
  floor_points,
  valid_from,
  valid_to,
  valid_from <= as_of_date() AND as_of_date() < valid_to AS is_in_force,
  source
FROM score_rules

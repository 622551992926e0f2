-- One column each, so that a view needs no join but this one row. Of two in force at once the later one counts.
SELECT
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'rank_due_count_min') AS rank_due_count_min,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'bottom_named_count') AS bottom_named_count,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'contribution_named_count') AS contribution_named_count,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'due_soon_days') AS due_soon_days,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'unusual_probability_max') AS unusual_probability_max,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'unusual_compared_count_min') AS unusual_compared_count_min,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'rate_whistle_count_min') AS rate_whistle_count_min,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'rate_person_count_min') AS rate_person_count_min,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'rate_object_count_min') AS rate_object_count_min,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'week_whistle_count_min') AS week_whistle_count_min,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'gap_window_days') AS gap_window_days,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'gap_whistle_count_min') AS gap_whistle_count_min,
  last_value(value ORDER BY valid_from) FILTER (WHERE name = 'gap_probability_max') AS gap_probability_max
FROM stg_thresholds
WHERE is_in_force

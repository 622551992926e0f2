-- Without its threshold a view takes nothing for enough, or names nobody.
SELECT n.name
FROM (
  VALUES
    ('rank_due_count_min'), ('bottom_named_count'), ('contribution_named_count'), ('due_soon_days'),
    ('unusual_probability_max'), ('unusual_compared_count_min'), ('rate_whistle_count_min'), ('rate_person_count_min'),
    ('rate_object_count_min'), ('week_whistle_count_min'), ('gap_window_days'), ('gap_whistle_count_min'),
    ('gap_probability_max')
) AS n (name)
LEFT ANTI JOIN (SELECT name FROM stg_thresholds WHERE is_in_force) AS t ON t.name = n.name
ORDER BY n.name

SELECT
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  visitor_count_month,
  visit_count_month,
  visits_per_visitor_month,
  household_visit_count_month,
  issue_count_month,
  to_whistle_count_month,
  visitor_count_year,
  visit_count_year,
  visits_per_visitor_year,
  household_visit_count_year,
  issue_count_year,
  to_whistle_count_year,
  objects_seen_180d,
  objects_due,
  coverage_rate_180d,
  visit_count,
  days_since_last_visit
FROM visit_by_place
WHERE place_level = 'community'
ORDER BY community_code

-- The figures of the front page, one row. Stocks (people, dwellings, shops) have no earlier value here;
-- events are compared with the same days of the month before and of the year before, a full month with a full one, as
-- the bulletins do, whose counts these are.
-- 按期办结率 is 按期办结 ÷ 应办结 as everywhere: the limit lies in the window, and 挂账 in hand is left out.
WITH periods AS (
  SELECT
    period_start('month', as_of_date()) AS month_from
),
visits_counted AS (
  SELECT
    count(*) AS visit_count,
    count(*) FILTER (WHERE v.visited_at >= as_of_end() - INTERVAL '1 day') AS visit_count_day,
    count(*) FILTER (WHERE v.visited_at >= as_of_end() - INTERVAL '1 day' AND v.issue_flag) AS visit_issue_count_day,
    count(*) FILTER (WHERE v.visited_at >= p.month_from) AS visit_count_month,
    count(*) FILTER (WHERE v.visited_at >= p.month_from AND v.issue_flag) AS visit_issue_count_month
  FROM stg_visits AS v
  CROSS JOIN periods AS p
),
whistles_counted AS (
  SELECT
    count(*) FILTER (WHERE w.level = '日常哨') AS daily_whistle_count,
    count(*) FILTER (WHERE w.level = '日常哨' AND w.is_closed) AS daily_closed_count,
    count(*) FILTER (WHERE w.level = '区级哨') AS district_whistle_count,
    count(*) FILTER (WHERE w.level = '区级哨' AND w.is_closed) AS district_closed_count,
    count(*) FILTER (WHERE w.is_open) AS open_whistle_count,
    count(*) FILTER (WHERE w.is_open AND w.is_overdue) AS overdue_whistle_count,
    count(*) FILTER (WHERE w.is_open AND w.is_suspended) AS suspended_whistle_count,
    count(*) FILTER (
      WHERE w.is_open AND NOT w.is_suspended AND w.due_at >= as_of_end() AND w.due_at < as_of_end() + INTERVAL '1 day'
    ) AS due_next_day_count,
    count(*) FILTER (WHERE w.reported_at >= as_of_end() - INTERVAL '1 day') AS whistle_count_day,
    count(*) FILTER (WHERE w.is_closed AND w.closed_at >= as_of_end() - INTERVAL '1 day') AS closed_count_day,
    count(*) FILTER (WHERE w.reported_at >= p.month_from) AS whistle_count_month,
    count(*) FILTER (WHERE w.is_closed AND w.closed_at >= p.month_from) AS closed_count_month,
    count(*) FILTER (
      WHERE w.due_at >= p.month_from AND w.due_at < as_of_end() AND NOT (w.is_open AND w.is_suspended)
    ) AS due_count_month,
    count(*) FILTER (
      WHERE w.due_at >= p.month_from AND w.due_at < as_of_end() AND w.is_on_time
    ) AS due_on_time_count_month
  FROM stg_whistles AS w
  CROSS JOIN periods AS p
  WHERE NOT w.is_void
),
repeated AS (
  SELECT count(DISTINCT group_number) AS duplicate_person_count
  FROM duplicate_registration_list
),
hazards AS (
  SELECT
    count(*) FILTER (WHERE is_hazard_open) AS open_hazard_check_count,
    count(*) FILTER (WHERE is_overdue) AS overdue_hazard_check_count
  FROM stg_shop_checks
),
units AS (
  SELECT
    count(DISTINCT subdistrict_code) AS subdistrict_count,
    count(DISTINCT community_code) AS community_count
  FROM stg_grids
)
SELECT
  as_of_date() AS as_of,
  u.subdistrict_count,
  u.community_count,
  p.grid_count,
  p.person_count + d.dwelling_count + s.shop_count + v.visit_count
    + w.daily_whistle_count + w.district_whistle_count AS record_count,
  p.person_count,
  p.male_count,
  p.female_count,
  p.age_60_plus_count,
  p.age_60_plus_rate,
  p.floating_count,
  p.floating_rate,
  p.household_count,
  d.dwelling_count,
  d.rental_count,
  d.rental_rate,
  d.vacant_count,
  d.vacancy_rate,
  o.group_rental_suspect_count,
  s.shop_count,
  s.nine_small_count,
  t.person_count AS special_person_count,
  t.occurrence_count AS special_occurrence_count,
  t.due_person_count AS special_due_person_count,
  t.overdue_person_count AS special_overdue_person_count,
  t.on_time_person_rate AS special_on_time_person_rate,
  r.duplicate_person_count,
  v.visit_count,
  v.visit_count_day,
  v.visit_issue_count_day,
  v.visit_count_month,
  vp.visit_count AS visit_count_last_month,
  vy.visit_count AS visit_count_last_year,
  growth(v.visit_count_month, vp.visit_count) AS visit_month_on_month_rate,
  growth(v.visit_count_month, vy.visit_count) AS visit_year_on_year_rate,
  v.visit_issue_count_month,
  w.daily_whistle_count,
  w.daily_closed_count,
  rate(w.daily_closed_count, w.daily_whistle_count) AS daily_closing_rate,
  w.district_whistle_count,
  w.district_closed_count,
  rate(w.district_closed_count, w.district_whistle_count) AS district_closing_rate,
  w.open_whistle_count,
  w.overdue_whistle_count,
  w.suspended_whistle_count,
  w.due_next_day_count,
  w.whistle_count_day,
  w.closed_count_day,
  w.whistle_count_month,
  wp.reported_count AS whistle_count_last_month,
  wy.reported_count AS whistle_count_last_year,
  growth(w.whistle_count_month, wp.reported_count) AS whistle_month_on_month_rate,
  growth(w.whistle_count_month, wy.reported_count) AS whistle_year_on_year_rate,
  w.closed_count_month,
  w.due_count_month,
  w.due_on_time_count_month,
  rate(w.due_on_time_count_month, w.due_count_month) AS on_time_rate_month,
  wp.due_count AS due_count_last_month,
  wp.due_on_time_count AS due_on_time_count_last_month,
  rate(wp.due_on_time_count, wp.due_count) AS on_time_rate_last_month,
  point_change(
    rate(w.due_on_time_count_month, w.due_count_month), rate(wp.due_on_time_count, wp.due_count)
  ) AS on_time_rate_month_on_month,
  h.open_hazard_check_count,
  h.overdue_hazard_check_count
FROM population_by_place AS p
JOIN dwelling_by_place AS d ON d.place_level = p.place_level AND d.place_code = p.place_code
JOIN shop_by_place AS s ON s.place_level = p.place_level AND s.place_code = p.place_code
JOIN special_group_by_place AS t ON t.place_level = p.place_level AND t.place_code = p.place_code
JOIN people_per_dwelling_by_place AS o ON o.place_level = p.place_level AND o.place_code = p.place_code
LEFT JOIN visit_by_period AS vp ON vp.period_kind = 'month' AND vp.period_window = 'previous'
LEFT JOIN visit_by_period AS vy ON vy.period_kind = 'month' AND vy.period_window = 'last_year'
LEFT JOIN whistle_by_period AS wp ON wp.period_kind = 'month' AND wp.period_window = 'previous' AND wp.level = '合计'
LEFT JOIN whistle_by_period AS wy ON wy.period_kind = 'month' AND wy.period_window = 'last_year' AND wy.level = '合计'
CROSS JOIN visits_counted AS v
CROSS JOIN whistles_counted AS w
CROSS JOIN repeated AS r
CROSS JOIN units AS u
CROSS JOIN hazards AS h
WHERE p.place_level = 'district'

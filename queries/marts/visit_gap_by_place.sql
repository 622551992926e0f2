-- The last days beside as many days before: is less visited while more whistles come? Coverage is objects seen ÷ objects due,
-- both windows over the objects due today; dwellings are seen themselves or through a resident, as in visit_by_grid.
-- A gap needs a fall and a rise that small numbers do not make by themselves: with y before, the count now is predicted
-- as negative binomial with mean y + ½ and dispersion 1 ÷ (y + ½) (see grid_anomaly), and each side has to be that rare.
-- Before the first visit on record nothing is known of the window before, which is then empty, not 0.
WITH windows AS (
  SELECT
    gap_window_days,
    as_of_date() + 1 - CAST(gap_window_days AS INT) AS now_from,
    as_of_date() + 1 - CAST(2 * gap_window_days AS INT) AS before_from
  FROM threshold_in_force
),
recorded AS (
  SELECT coalesce(min(v.visited_date) <= max(w.before_from), false) AS is_before_recorded
  FROM windows AS w
  LEFT JOIN stg_visits AS v ON true
),
recent AS (
  SELECT v.subject_kind, v.subject_id, v.visited_date >= w.now_from AS is_now
  FROM stg_visits AS v
  INNER JOIN windows AS w ON v.visited_date >= w.before_from
),
seen_dwellings AS (
  SELECT subject_id AS dwelling_id, is_now
  FROM recent
  WHERE subject_kind = '房屋'
  UNION
  SELECT r.dwelling_id, s.is_now
  FROM recent AS s
  INNER JOIN stg_residents AS r ON r.resident_id = s.subject_id
  WHERE s.subject_kind = '居民' AND r.dwelling_id IS NOT NULL
),
seen_shops AS (
  SELECT DISTINCT subject_id AS shop_id, is_now
  FROM recent
  WHERE subject_kind = '商铺'
),
seen AS (
  SELECT d.grid_code, s.is_now
  FROM seen_dwellings AS s
  INNER JOIN stg_dwellings AS d ON d.dwelling_id = s.dwelling_id
  WHERE d.use IN ('自住', '出租')
  UNION ALL
  SELECT h.grid_code, s.is_now
  FROM seen_shops AS s
  INNER JOIN stg_shops AS h ON h.shop_id = s.shop_id
  WHERE h.is_open
),
seen_counted AS (
  SELECT
    grid_code,
    count(*) FILTER (WHERE is_now) AS seen_now,
    count(*) FILTER (WHERE NOT is_now) AS seen_before
  FROM seen
  GROUP BY grid_code
),
whistles_counted AS (
  SELECT
    s.grid_code,
    count(*) FILTER (WHERE s.reported_date >= w.now_from) AS whistles_now,
    count(*) FILTER (WHERE s.reported_date < w.now_from) AS whistles_before
  FROM stg_whistles AS s
  INNER JOIN windows AS w ON s.reported_date >= w.before_from
  WHERE NOT s.is_void
  GROUP BY s.grid_code
),
rolled AS (
  SELECT
    CASE WHEN grouping(g.grid_code) = 0 THEN 'grid' ELSE 'community' END AS place_level,
    coalesce(g.grid_code, g.community_code) AS place_code,
    coalesce(g.grid_name, g.community_name) AS place_name,
    g.subdistrict_code,
    g.subdistrict_name,
    sum(v.dwellings_due + v.shops_due) AS objects_due,
    coalesce(sum(n.seen_before), 0) AS seen_before,
    coalesce(sum(n.seen_now), 0) AS seen_now,
    coalesce(sum(w.whistles_before), 0) AS whistle_count_before,
    coalesce(sum(w.whistles_now), 0) AS whistle_count_now
  FROM stg_grids AS g
  INNER JOIN visit_by_grid AS v ON v.grid_code = g.grid_code
  LEFT JOIN seen_counted AS n ON n.grid_code = g.grid_code
  LEFT JOIN whistles_counted AS w ON w.grid_code = g.grid_code
  GROUP BY GROUPING SETS (
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name, g.grid_code, g.grid_name),
    (g.subdistrict_code, g.subdistrict_name, g.community_code, g.community_name)
  )
),
judged AS (
  SELECT
    r.*,
    b.is_before_recorded,
    t.gap_window_days,
    t.gap_whistle_count_min,
    t.gap_probability_max,
    t.rate_object_count_min,
    round_half_up(1 - count_tail(r.seen_now + 1, r.seen_before + 0.5, 1 / (r.seen_before + 0.5)), 12) AS fall_probability,
    round_half_up(
      count_tail(r.whistle_count_now, r.whistle_count_before + 0.5, 1 / (r.whistle_count_before + 0.5)), 12
    ) AS rise_probability
  FROM rolled AS r
  CROSS JOIN recorded AS b
  CROSS JOIN threshold_in_force AS t
)
SELECT
  place_level,
  place_code,
  place_name,
  subdistrict_code,
  subdistrict_name,
  gap_window_days,
  objects_due,
  CASE WHEN is_before_recorded THEN seen_before END AS seen_before,
  seen_now,
  CASE WHEN is_before_recorded THEN rate(seen_before, objects_due) END AS coverage_before,
  rate(seen_now, objects_due) AS coverage_now,
  CASE WHEN is_before_recorded THEN rate(seen_now, objects_due) - rate(seen_before, objects_due) END AS coverage_change,
  whistle_count_before,
  whistle_count_now,
  fall_probability,
  rise_probability,
  is_before_recorded
    AND objects_due >= rate_object_count_min
    AND seen_now < seen_before
    AND whistle_count_now > whistle_count_before
    AND whistle_count_now >= gap_whistle_count_min
    AND fall_probability <= gap_probability_max
    AND rise_probability <= gap_probability_max AS is_gap
FROM judged
ORDER BY place_code

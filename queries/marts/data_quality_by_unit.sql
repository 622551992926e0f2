-- The delivering unit is the subdistrict; 合计 in table_name is all tables, row_level district is all units. Rates and
-- scores of both come from their sums. Every subdistrict has a row for every table, so that one that delivered
-- nothing is seen; it has no score and no rank.
-- score = 100 × (1 − Σ weight × rate ÷ Σ weight), over the rates the table has: events (visits, whistles,
-- checks, tags, tasks) do not grow stale, and only residents and shops carry a number that tells a second registration.
-- Optional cells are those that had something to fill: id_number is not among them, as whoever has one had to give it;
-- nor is licence_no, as no list says which trades need one. A time counts once the status is past its step, a
-- checked item when the kind of check looks at it.
WITH tables AS (
  SELECT table_name, table_sort
  FROM (
    VALUES
      ('residents', 1),
      ('resident_tags', 2),
      ('dwellings', 3),
      ('shops', 4),
      ('shop_checks', 5),
      ('visits', 6),
      ('whistles', 7),
      ('whistle_tasks', 8)
  ) AS v (table_name, table_sort)
),
in_force AS (
  SELECT
    'residents' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 5 AS optional_cell_count,
    count(phone) + count(education) + count(marital) + count(ethnicity) + count(dwelling_id) AS filled_cell_count,
    count(*) AS duplicate_base_count,
    count(*) AS stale_base_count,
    count(*) FILTER (WHERE updated_at < as_of_end() - INTERVAL '1 year') AS stale_count
  FROM stg_residents
  GROUP BY grid_code
  UNION ALL
  SELECT
    'resident_tags' AS table_name,
    r.grid_code,
    count(*) AS row_count,
    count(*) + count(t.guardian) AS optional_cell_count,
    count(t.since_date) + count(t.guardian_phone) FILTER (WHERE t.guardian IS NOT NULL) AS filled_cell_count,
    0 AS duplicate_base_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM stg_resident_tags AS t
  INNER JOIN stg_residents AS r ON r.resident_id = t.resident_id
  GROUP BY r.grid_code
  UNION ALL
  SELECT
    'dwellings' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 5 AS optional_cell_count,
    count(area_m2) + count(owner_name) + count(owner_phone) + count(building) + count(room) AS filled_cell_count,
    0 AS duplicate_base_count,
    count(*) AS stale_base_count,
    count(*) FILTER (WHERE updated_at < as_of_end() - INTERVAL '1 year') AS stale_count
  FROM stg_dwellings
  GROUP BY grid_code
  UNION ALL
  SELECT
    'shops' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 6 AS optional_cell_count,
    count(uscc) + count(owner_name) + count(phone) + count(employees) + count(area_m2) + count(fire_ok)
      AS filled_cell_count,
    count(*) AS duplicate_base_count,
    count(*) AS stale_base_count,
    count(*) FILTER (WHERE updated_at < as_of_end() - INTERVAL '1 year') AS stale_count
  FROM stg_shops
  GROUP BY grid_code
  UNION ALL
  SELECT
    'shop_checks' AS table_name,
    grid_code,
    count(*) AS row_count,
    3 * count(*) FILTER (WHERE check_kind IN ('消防', '综合')) AS optional_cell_count,
    count(is_fire_ok) FILTER (WHERE check_kind IN ('消防', '综合'))
      + count(is_electric_ok) FILTER (WHERE check_kind IN ('消防', '综合'))
      + count(is_exit_ok) FILTER (WHERE check_kind IN ('消防', '综合')) AS filled_cell_count,
    0 AS duplicate_base_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM stg_shop_checks
  GROUP BY grid_code
  UNION ALL
  SELECT
    'visits' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 2 AS optional_cell_count,
    count(reason) + count(summary) AS filled_cell_count,
    0 AS duplicate_base_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM stg_visits
  GROUP BY grid_code
  UNION ALL
  -- 挂账 comes after acceptance and may come before dispatch.
  SELECT
    'whistles' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*)
      + count(*) FILTER (WHERE status IN ('已受理', '已派遣', '处理中', '已办结', '已结案', '挂账'))
      + count(*) FILTER (WHERE status IN ('已派遣', '处理中', '已办结', '已结案')) AS optional_cell_count,
    count(address)
      + count(accepted_at) FILTER (WHERE status IN ('已受理', '已派遣', '处理中', '已办结', '已结案', '挂账'))
      + count(dispatched_at) FILTER (WHERE status IN ('已派遣', '处理中', '已办结', '已结案')) AS filled_cell_count,
    0 AS duplicate_base_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM stg_whistles
  GROUP BY grid_code
  UNION ALL
  SELECT
    'whistle_tasks' AS table_name,
    w.grid_code,
    count(*) AS row_count,
    count(*) FILTER (WHERE t.status IN ('处理中', '已办结'))
      + count(*) FILTER (WHERE t.status IN ('已办结', '已退回')) AS optional_cell_count,
    count(t.responded_at) FILTER (WHERE t.status IN ('处理中', '已办结'))
      + count(t.closed_at) FILTER (WHERE t.status = '已办结')
      + count(t.returned_at) FILTER (WHERE t.status = '已退回') AS filled_cell_count,
    0 AS duplicate_base_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM stg_whistle_tasks AS t
  INNER JOIN stg_whistles AS w ON w.whistle_id = t.whistle_id
  GROUP BY w.grid_code
),
repeated_usccs AS (
  SELECT uscc
  FROM stg_shops
  WHERE uscc IS NOT NULL
  GROUP BY uscc
  HAVING count(*) > 1
),
repeated AS (
  SELECT 'residents' AS table_name, grid_code, count(*) AS duplicate_count
  FROM duplicate_registration_list
  GROUP BY grid_code
  UNION ALL
  SELECT 'shops' AS table_name, s.grid_code, count(*) AS duplicate_count
  FROM repeated_usccs AS u
  INNER JOIN stg_shops AS s ON s.uscc = u.uscc
  GROUP BY s.grid_code
),
accepted AS (
  SELECT table_name, grid_code, count(*) AS accepted_count
  FROM stg_accepted_rows
  WHERE parent_table IS NULL
  GROUP BY table_name, grid_code
  UNION ALL
  SELECT c.table_name, p.grid_code, count(*) AS accepted_count
  FROM stg_accepted_rows AS c
  LEFT JOIN stg_accepted_rows AS p ON p.table_name = c.parent_table AND p.row_id = c.parent_id
  WHERE c.parent_table IS NOT NULL
  GROUP BY c.table_name, p.grid_code
),
by_grid AS (
  SELECT
    table_name,
    grid_code,
    row_count,
    optional_cell_count,
    optional_cell_count - filled_cell_count AS missing_cell_count,
    duplicate_base_count,
    0 AS duplicate_count,
    stale_base_count,
    stale_count,
    0 AS accepted_count
  FROM in_force
  UNION ALL
  SELECT
    table_name,
    grid_code,
    0 AS row_count,
    0 AS optional_cell_count,
    0 AS missing_cell_count,
    0 AS duplicate_base_count,
    duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count,
    0 AS accepted_count
  FROM repeated
  UNION ALL
  SELECT
    table_name,
    grid_code,
    0 AS row_count,
    0 AS optional_cell_count,
    0 AS missing_cell_count,
    0 AS duplicate_base_count,
    0 AS duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count,
    accepted_count
  FROM accepted
),
by_unit AS (
  SELECT
    g.subdistrict_code,
    coalesce(g.subdistrict_name, '未知单位') AS subdistrict_name,
    c.table_name,
    c.row_count,
    c.optional_cell_count,
    c.missing_cell_count,
    c.duplicate_base_count,
    c.duplicate_count,
    c.stale_base_count,
    c.stale_count,
    c.accepted_count,
    0 AS quarantined_count
  FROM by_grid AS c
  LEFT JOIN stg_grids AS g ON g.grid_code = c.grid_code
  UNION ALL
  SELECT
    coalesce(c.subdistrict_code, n.subdistrict_code) AS subdistrict_code,
    coalesce(c.subdistrict_name, n.subdistrict_name, '未知单位') AS subdistrict_name,
    q.table_name,
    0 AS row_count,
    0 AS optional_cell_count,
    0 AS missing_cell_count,
    0 AS duplicate_base_count,
    0 AS duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count,
    0 AS accepted_count,
    count(DISTINCT concat(q.batch_id, '/', q.file, '/', q.line)) AS quarantined_count
  FROM quarantine AS q
  LEFT JOIN stg_subdistricts AS c ON c.subdistrict_code = q.unit
  LEFT JOIN stg_subdistricts AS n ON n.subdistrict_name = q.unit
  WHERE q.cleared_by IS NULL
  GROUP BY
    coalesce(c.subdistrict_code, n.subdistrict_code),
    coalesce(c.subdistrict_name, n.subdistrict_name, '未知单位'),
    q.table_name
  UNION ALL
  SELECT
    s.subdistrict_code,
    s.subdistrict_name,
    t.table_name,
    0 AS row_count,
    0 AS optional_cell_count,
    0 AS missing_cell_count,
    0 AS duplicate_base_count,
    0 AS duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count,
    0 AS accepted_count,
    0 AS quarantined_count
  FROM stg_subdistricts AS s
  CROSS JOIN tables AS t
),
rolled AS (
  SELECT
    CASE WHEN grouping(subdistrict_name) = 1 THEN 'district' ELSE 'unit' END AS row_level,
    subdistrict_code,
    CASE WHEN grouping(subdistrict_name) = 1 THEN '全区' ELSE subdistrict_name END AS subdistrict_name,
    coalesce(table_name, '合计') AS table_name,
    sum(row_count) AS row_count,
    sum(optional_cell_count) AS optional_cell_count,
    sum(missing_cell_count) AS missing_cell_count,
    sum(duplicate_base_count) AS duplicate_base_count,
    sum(duplicate_count) AS duplicate_count,
    sum(stale_base_count) AS stale_base_count,
    sum(stale_count) AS stale_count,
    sum(accepted_count) AS accepted_count,
    sum(quarantined_count) AS quarantined_count
  FROM by_unit
  GROUP BY GROUPING SETS (
    (subdistrict_code, subdistrict_name, table_name),
    (subdistrict_code, subdistrict_name),
    (table_name),
    ()
  )
),
rated AS (
  SELECT
    *,
    rate(missing_cell_count, optional_cell_count) AS missing_rate,
    rate(duplicate_count, duplicate_base_count) AS duplicate_rate,
    rate(stale_count, stale_base_count) AS stale_rate,
    accepted_count + quarantined_count AS delivered_count,
    rate(quarantined_count, accepted_count + quarantined_count) AS quarantine_rate,
    0.4 AS missing_weight,
    0.2 AS duplicate_weight,
    0.2 AS stale_weight,
    0.2 AS quarantine_weight
  FROM rolled
),
scored AS (
  SELECT
    *,
    round_half_up(
      100 * (
        1 - rate(
          coalesce(missing_weight * missing_rate, 0) + coalesce(duplicate_weight * duplicate_rate, 0)
            + coalesce(stale_weight * stale_rate, 0) + coalesce(quarantine_weight * quarantine_rate, 0),
          CASE WHEN missing_rate IS NULL THEN 0 ELSE missing_weight END
            + CASE WHEN duplicate_rate IS NULL THEN 0 ELSE duplicate_weight END
            + CASE WHEN stale_rate IS NULL THEN 0 ELSE stale_weight END
            + CASE WHEN quarantine_rate IS NULL THEN 0 ELSE quarantine_weight END
        )
      ),
      2
    ) AS score
  FROM rated
)
SELECT
  s.row_level,
  s.subdistrict_code,
  s.subdistrict_name,
  s.table_name,
  CASE WHEN s.table_name = '合计' THEN 0 ELSE coalesce(t.table_sort, 9) END AS table_sort,
  s.row_count,
  s.optional_cell_count,
  s.missing_cell_count,
  s.missing_rate,
  s.missing_weight,
  s.duplicate_base_count,
  s.duplicate_count,
  s.duplicate_rate,
  s.duplicate_weight,
  s.stale_base_count,
  s.stale_count,
  s.stale_rate,
  s.stale_weight,
  s.accepted_count,
  s.quarantined_count,
  s.delivered_count,
  s.quarantine_rate,
  s.quarantine_weight,
  s.score,
  CASE WHEN s.subdistrict_code IS NOT NULL AND s.score IS NOT NULL THEN
    rank() OVER (
      PARTITION BY s.row_level, s.table_name, s.subdistrict_code IS NULL ORDER BY s.score DESC NULLS LAST
    ) END AS score_rank
FROM scored AS s
LEFT JOIN tables AS t ON t.table_name = s.table_name
ORDER BY s.row_level DESC, s.subdistrict_code NULLS LAST, table_sort, s.table_name

-- The delivering unit is the subdistrict; 合计 in table_name is the unit over all its tables.
-- score = 100 × (1 − Σ weight × rate ÷ Σ weight), over the rates the table has: events (visits, whistles,
-- checks) do not grow stale, and only residents and shops carry a number that tells a second registration.
-- id_number is not among the optional cells: whoever has one had to give it, the others have none to give.
WITH duplicate_usccs AS (
  SELECT uscc
  FROM stg_shops
  WHERE uscc IS NOT NULL
  GROUP BY uscc
  HAVING count(*) > 1
),
counts AS (
  SELECT
    'residents' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 5 AS optional_cell_count,
    count(*) * 5 - count(phone) - count(education) - count(marital) - count(ethnicity) - count(dwelling_id)
      AS missing_cell_count,
    count(*) AS duplicate_base_count,
    0 AS duplicate_count,
    count(*) AS stale_base_count,
    count(*) FILTER (WHERE updated_at < as_of_end() - INTERVAL '1 year') AS stale_count
  FROM stg_residents
  GROUP BY grid_code
  UNION ALL
  SELECT
    'residents' AS table_name,
    grid_code,
    0 AS row_count,
    0 AS optional_cell_count,
    0 AS missing_cell_count,
    0 AS duplicate_base_count,
    count(*) AS duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM duplicate_registration_list
  GROUP BY grid_code
  UNION ALL
  SELECT
    'dwellings' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 5 AS optional_cell_count,
    count(*) * 5 - count(area_m2) - count(owner_name) - count(owner_phone) - count(building) - count(room)
      AS missing_cell_count,
    0 AS duplicate_base_count,
    0 AS duplicate_count,
    count(*) AS stale_base_count,
    count(*) FILTER (WHERE updated_at < as_of_end() - INTERVAL '1 year') AS stale_count
  FROM stg_dwellings
  GROUP BY grid_code
  UNION ALL
  SELECT
    'shops' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 7 AS optional_cell_count,
    count(*) * 7 - count(uscc) - count(owner_name) - count(phone) - count(employees) - count(area_m2)
      - count(licence_no) - count(fire_ok) AS missing_cell_count,
    count(*) AS duplicate_base_count,
    0 AS duplicate_count,
    count(*) AS stale_base_count,
    count(*) FILTER (WHERE updated_at < as_of_end() - INTERVAL '1 year') AS stale_count
  FROM stg_shops
  GROUP BY grid_code
  UNION ALL
  SELECT
    'shops' AS table_name,
    s.grid_code,
    0 AS row_count,
    0 AS optional_cell_count,
    0 AS missing_cell_count,
    0 AS duplicate_base_count,
    count(*) AS duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM duplicate_usccs AS d
  INNER JOIN stg_shops AS s ON s.uscc = d.uscc
  GROUP BY s.grid_code
  UNION ALL
  SELECT
    'shop_checks' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 3 AS optional_cell_count,
    count(*) * 3 - count(is_fire_ok) - count(is_electric_ok) - count(is_exit_ok) AS missing_cell_count,
    0 AS duplicate_base_count,
    0 AS duplicate_count,
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
    count(*) * 2 - count(reason) - count(summary) AS missing_cell_count,
    0 AS duplicate_base_count,
    0 AS duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM stg_visits
  GROUP BY grid_code
  UNION ALL
  SELECT
    'whistles' AS table_name,
    grid_code,
    count(*) AS row_count,
    count(*) * 3 AS optional_cell_count,
    count(*) * 3 - count(address) - count(accepted_at) - count(dispatched_at) AS missing_cell_count,
    0 AS duplicate_base_count,
    0 AS duplicate_count,
    0 AS stale_base_count,
    0 AS stale_count
  FROM stg_whistles
  GROUP BY grid_code
),
units AS (
  SELECT
    g.subdistrict_code,
    g.subdistrict_name,
    c.table_name,
    c.row_count,
    c.optional_cell_count,
    c.missing_cell_count,
    c.duplicate_base_count,
    c.duplicate_count,
    c.stale_base_count,
    c.stale_count,
    0 AS quarantined_count
  FROM counts AS c
  INNER JOIN stg_grids AS g ON g.grid_code = c.grid_code
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
    count(DISTINCT concat(q.batch_id, '/', q.file, '/', q.line)) AS quarantined_count
  FROM quarantine AS q
  LEFT JOIN stg_subdistricts AS c ON c.subdistrict_code = q.unit
  LEFT JOIN stg_subdistricts AS n ON n.subdistrict_name = q.unit
  WHERE q.cleared_by IS NULL
  GROUP BY
    coalesce(c.subdistrict_code, n.subdistrict_code),
    coalesce(c.subdistrict_name, n.subdistrict_name, '未知单位'),
    q.table_name
),
rolled AS (
  SELECT
    subdistrict_code,
    subdistrict_name,
    coalesce(table_name, '合计') AS table_name,
    sum(row_count) AS row_count,
    sum(optional_cell_count) AS optional_cell_count,
    sum(missing_cell_count) AS missing_cell_count,
    sum(duplicate_base_count) AS duplicate_base_count,
    sum(duplicate_count) AS duplicate_count,
    sum(stale_base_count) AS stale_base_count,
    sum(stale_count) AS stale_count,
    sum(quarantined_count) AS quarantined_count
  FROM units
  GROUP BY GROUPING SETS (
    (subdistrict_code, subdistrict_name, table_name),
    (subdistrict_code, subdistrict_name)
  )
),
rated AS (
  SELECT
    *,
    rate(missing_cell_count, optional_cell_count) AS missing_rate,
    rate(duplicate_count, duplicate_base_count) AS duplicate_rate,
    rate(stale_count, stale_base_count) AS stale_rate,
    row_count + quarantined_count AS delivered_count,
    rate(quarantined_count, row_count + quarantined_count) AS quarantine_rate,
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
  subdistrict_code,
  subdistrict_name,
  table_name,
  CASE table_name
    WHEN '合计' THEN 0
    WHEN 'residents' THEN 1
    WHEN 'dwellings' THEN 2
    WHEN 'shops' THEN 3
    WHEN 'shop_checks' THEN 4
    WHEN 'visits' THEN 5
    WHEN 'whistles' THEN 6
    ELSE 7
  END AS table_sort,
  row_count,
  optional_cell_count,
  missing_cell_count,
  missing_rate,
  missing_weight,
  duplicate_base_count,
  duplicate_count,
  duplicate_rate,
  duplicate_weight,
  stale_base_count,
  stale_count,
  stale_rate,
  stale_weight,
  delivered_count,
  quarantined_count,
  quarantine_rate,
  quarantine_weight,
  score,
  CASE WHEN subdistrict_code IS NOT NULL THEN
    rank() OVER (PARTITION BY table_name, subdistrict_code IS NULL ORDER BY score DESC NULLS LAST) END AS score_rank
FROM scored
ORDER BY subdistrict_code NULLS LAST, table_sort, table_name

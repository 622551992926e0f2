-- The table of 数据质量总表: the units over all their tables, and the district. The district's rates and score are
-- computed from its sums with the same weights, never averaged over the units.
WITH total AS (
  SELECT
    sum(row_count) AS row_count,
    sum(optional_cell_count) AS optional_cell_count,
    sum(missing_cell_count) AS missing_cell_count,
    sum(duplicate_base_count) AS duplicate_base_count,
    sum(duplicate_count) AS duplicate_count,
    sum(stale_base_count) AS stale_base_count,
    sum(stale_count) AS stale_count,
    sum(delivered_count) AS delivered_count,
    sum(quarantined_count) AS quarantined_count,
    max(missing_weight) AS missing_weight,
    max(duplicate_weight) AS duplicate_weight,
    max(stale_weight) AS stale_weight,
    max(quarantine_weight) AS quarantine_weight
  FROM data_quality_by_unit
  WHERE table_name = '合计'
),
rated AS (
  SELECT
    *,
    rate(missing_cell_count, optional_cell_count) AS missing_rate,
    rate(duplicate_count, duplicate_base_count) AS duplicate_rate,
    rate(stale_count, stale_base_count) AS stale_rate,
    rate(quarantined_count, delivered_count) AS quarantine_rate
  FROM total
)
SELECT
  'unit' AS row_level,
  subdistrict_code,
  subdistrict_name,
  row_count,
  optional_cell_count,
  missing_cell_count,
  missing_rate,
  duplicate_count,
  duplicate_rate,
  stale_count,
  stale_rate,
  delivered_count,
  quarantined_count,
  quarantine_rate,
  score,
  score_rank
FROM data_quality_by_unit
WHERE table_name = '合计'
UNION ALL
SELECT
  'district' AS row_level,
  CAST(NULL AS VARCHAR) AS subdistrict_code,
  '全区' AS subdistrict_name,
  row_count,
  optional_cell_count,
  missing_cell_count,
  missing_rate,
  duplicate_count,
  duplicate_rate,
  stale_count,
  stale_rate,
  delivered_count,
  quarantined_count,
  quarantine_rate,
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
  ) AS score,
  CAST(NULL AS BIGINT) AS score_rank
FROM rated

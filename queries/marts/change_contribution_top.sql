-- The members that pushed the same way as the whole, the furthest first, and 其余合计 for all others together, so that the
-- shown contributions add up to the shown change. Members that pushed the other way are among the others. Points are
-- rounded here, since 其余合计 has to be what the rounded ones leave; where all are named the last one takes what rounding
-- left. Without a change there is nobody to name.
WITH totalled AS (
  SELECT
    *,
    sum(contribution) OVER (PARTITION BY period_kind, indicator, dimension) AS raw_total
  FROM change_contribution
),
rounded AS (
  SELECT
    *,
    CASE indicator WHEN 'on_time_rate' THEN round_half_up(contribution, 2) ELSE contribution END AS shown,
    CASE indicator WHEN 'on_time_rate' THEN round_half_up(raw_total, 2) ELSE raw_total END AS total
  FROM totalled
),
ordered AS (
  SELECT
    r.*,
    CASE WHEN r.shown * r.total > 0 THEN
      row_number() OVER (
        PARTITION BY r.period_kind, r.indicator, r.dimension ORDER BY r.shown * signum(r.total) DESC NULLS LAST, r.member_code
      ) END AS nth,
    t.contribution_named_count
  FROM rounded AS r
  CROSS JOIN threshold_in_force AS t
),
parted AS (
  SELECT *, coalesce(nth <= contribution_named_count, false) AS is_named
  FROM ordered
),
named AS (
  SELECT
    *,
    CASE
      WHEN count(*) FILTER (WHERE NOT is_named) OVER (PARTITION BY period_kind, indicator, dimension) = 0
        AND nth = max(nth) OVER (PARTITION BY period_kind, indicator, dimension)
        THEN round_half_up(shown + total - sum(shown) OVER (PARTITION BY period_kind, indicator, dimension), 2)
      ELSE shown
    END AS printed
  FROM parted
),
others AS (
  SELECT
    period_kind,
    period_sort,
    period_name,
    indicator,
    dimension,
    total,
    total - coalesce(sum(shown) FILTER (WHERE is_named), 0) AS shown,
    count(*) FILTER (WHERE NOT is_named) AS member_count,
    count(*) FILTER (WHERE is_named) AS named_count
  FROM parted
  GROUP BY period_kind, period_sort, period_name, indicator, dimension, total
)
SELECT
  period_kind,
  period_sort,
  period_name,
  indicator,
  dimension,
  nth AS contribution_order,
  member_code,
  member_name,
  subdistrict_name,
  1 AS member_count,
  before_value,
  now_value,
  printed AS contribution,
  total AS total_change
FROM named
WHERE is_named
UNION ALL
SELECT
  period_kind,
  period_sort,
  period_name,
  indicator,
  dimension,
  1000000 AS contribution_order,
  NULL AS member_code,
  '其余合计' AS member_name,
  NULL AS subdistrict_name,
  member_count,
  NULL AS before_value,
  NULL AS now_value,
  round_half_up(shown, 2) AS contribution,
  total AS total_change
FROM others
WHERE named_count > 0 AND member_count > 0

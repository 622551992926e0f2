-- The one place where whistles are counted; places, levels and categories add these rows up.
-- 已作废 is left out of every count but void_count. A whistle is due in a period when its limit falls into
-- it and it is not 挂账; 挂账 stops the clock and is shown among the open ones.
-- The earlier spans run to the same day: on 27 June, 1 to 27 May and 1 to 27 June of last year (period_list).
WITH timed AS (
  SELECT
    grid_code,
    level,
    category,
    reported_at,
    closed_at,
    due_at,
    satisfaction,
    rework_count,
    NOT is_void AS is_valid,
    NOT is_void AND is_closed AS is_closed,
    NOT is_void AND is_settled AS is_settled,
    is_open,
    is_open AND is_suspended AS is_suspended,
    is_open AND is_overdue AS is_open_overdue,
    period_start('month', as_of_date()) AS month_start,
    period_start('year', as_of_date()) AS year_start,
    period_start('month', previous_period_end('month', as_of_date())) AS last_month_start,
    previous_period_end('month', as_of_date()) AS last_month_end,
    period_start('month', last_year_period_end('month', as_of_date())) AS last_year_month_start,
    period_start('year', last_year_period_end('year', as_of_date())) AS last_year_start,
    last_year_period_end('year', as_of_date()) AS last_year_end
  FROM stg_whistles
),
flagged AS (
  SELECT
    *,
    is_valid AND reported_at >= month_start AS is_reported_month,
    is_valid AND reported_at >= year_start AS is_reported_year,
    is_closed AND closed_at >= month_start AS is_closed_month,
    is_closed AND closed_at >= year_start AS is_closed_year,
    is_valid AND NOT is_suspended AND due_at >= month_start AND due_at < as_of_end() AS is_due_month,
    is_valid AND NOT is_suspended AND due_at >= year_start AND due_at < as_of_end() AS is_due_year,
    is_closed AND closed_at <= due_at AS is_on_time
  FROM timed
)
SELECT
  grid_code,
  level,
  category,
  count(*) FILTER (WHERE is_valid) AS reported_count,
  count(*) FILTER (WHERE is_closed) AS closed_count,
  count(*) FILTER (WHERE is_settled) AS settled_count,
  count(*) FILTER (WHERE is_open) AS open_count,
  count(*) FILTER (WHERE is_suspended) AS suspended_count,
  count(*) FILTER (WHERE is_open_overdue) AS open_overdue_count,
  count(*) FILTER (WHERE NOT is_valid) AS void_count,
  count(*) FILTER (WHERE reported_at < month_start AND (is_open OR is_closed_month)) AS opening_count_month,
  count(*) FILTER (WHERE is_reported_month) AS reported_count_month,
  count(*) FILTER (
    WHERE is_valid
      AND CAST(reported_at AS DATE) BETWEEN last_month_start AND last_month_end
  ) AS reported_count_previous_month,
  count(*) FILTER (
    WHERE is_valid
      AND CAST(reported_at AS DATE) BETWEEN last_year_month_start AND last_year_end
  ) AS reported_count_last_year_month,
  count(*) FILTER (WHERE is_closed_month) AS closed_count_month,
  count(*) FILTER (WHERE is_due_month) AS due_count_month,
  count(*) FILTER (WHERE is_due_month AND is_closed) AS due_closed_count_month,
  count(*) FILTER (WHERE is_due_month AND is_on_time) AS due_on_time_count_month,
  count(*) FILTER (WHERE is_reported_year) AS reported_count_year,
  count(*) FILTER (
    WHERE is_valid
      AND CAST(reported_at AS DATE) BETWEEN last_year_start AND last_year_end
  ) AS reported_count_last_year,
  count(*) FILTER (WHERE is_reported_year AND is_closed) AS reported_closed_count_year,
  count(*) FILTER (WHERE is_closed_year) AS closed_count_year,
  count(*) FILTER (WHERE is_due_year) AS due_count_year,
  count(*) FILTER (WHERE is_due_year AND is_closed) AS due_closed_count_year,
  count(*) FILTER (WHERE is_due_year AND is_on_time) AS due_on_time_count_year,
  count(*) FILTER (WHERE is_closed_year AND rework_count > 0) AS rework_count_year,
  count(satisfaction) FILTER (WHERE is_closed_year) AS rated_count_year,
  count(*) FILTER (WHERE is_closed_year AND satisfaction >= 4) AS satisfied_count_year
FROM flagged
GROUP BY grid_code, level, category
ORDER BY grid_code, level, category

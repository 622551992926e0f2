-- The spans that figures of the as-of date speak for, each from the first day of its period to that date, and the two it
-- is compared with. Days are counted from the first to the last, both included.
WITH ended AS (
  SELECT
    kind,
    kind_sort,
    as_of_date() AS end_date,
    previous_period_end(kind, as_of_date()) AS previous_end_date,
    last_year_period_end(kind, as_of_date()) AS last_year_end_date
  FROM (VALUES ('day', 1), ('week', 2), ('month', 3), ('quarter', 4), ('half_year', 5), ('year', 6)) AS v (kind, kind_sort)
)
SELECT
  kind,
  kind_sort,
  period_label(kind, end_date) AS label,
  period_start(kind, end_date + 1) > end_date AS is_complete,
  kind IN ('quarter', 'half_year', 'year') AND period_start(kind, end_date + 1) <= end_date AS is_cumulative,
  period_start(kind, end_date) AS start_date,
  end_date,
  period_label(kind, previous_end_date) AS previous_label,
  period_start(kind, previous_end_date) AS previous_start_date,
  previous_end_date,
  period_label(kind, last_year_end_date) AS last_year_label,
  period_start(kind, last_year_end_date) AS last_year_start_date,
  last_year_end_date
FROM ended
ORDER BY kind_sort

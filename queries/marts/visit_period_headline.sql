-- The current window of visit_by_period beside the two it is compared with.
SELECT
  c.period_kind,
  c.period_sort,
  c.period_name,
  c.period,
  c.visit_count,
  p.visit_count AS visit_count_previous,
  growth(c.visit_count, p.visit_count) AS visit_period_on_period_rate,
  y.visit_count AS visit_count_last_year,
  growth(c.visit_count, y.visit_count) AS visit_year_on_year_rate,
  c.issue_count,
  p.issue_count AS issue_count_previous,
  growth(c.issue_count, p.issue_count) AS issue_period_on_period_rate,
  y.issue_count AS issue_count_last_year,
  growth(c.issue_count, y.issue_count) AS issue_year_on_year_rate
FROM visit_by_period AS c
LEFT JOIN visit_by_period AS p ON p.period_window = 'previous' AND p.period_kind = c.period_kind
LEFT JOIN visit_by_period AS y ON y.period_window = 'last_year' AND y.period_kind = c.period_kind
WHERE c.period_window = 'current'
ORDER BY c.period_sort

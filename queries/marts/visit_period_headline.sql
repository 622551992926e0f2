-- Visits of each period's current window beside the two it is compared with.
WITH counted AS (
  SELECT
    p.period_kind,
    p.period_sort,
    p.period_name,
    max(CASE WHEN p.period_window = 'current' THEN p.period END) AS period,
    count(v.visit_id) FILTER (WHERE p.period_window = 'current') AS visit_count,
    count(v.visit_id) FILTER (WHERE p.period_window = 'previous') AS visit_count_previous,
    count(v.visit_id) FILTER (WHERE p.period_window = 'last_year') AS visit_count_last_year,
    count(v.visit_id) FILTER (WHERE p.period_window = 'current' AND v.issue_flag) AS issue_count,
    count(v.visit_id) FILTER (WHERE p.period_window = 'previous' AND v.issue_flag) AS issue_count_previous,
    count(v.visit_id) FILTER (WHERE p.period_window = 'last_year' AND v.issue_flag) AS issue_count_last_year
  FROM report_period AS p
  LEFT JOIN stg_visits AS v ON v.visited_at >= p.start_at AND v.visited_at < p.end_at
  GROUP BY p.period_kind, p.period_sort, p.period_name
)
SELECT
  period_kind,
  period_sort,
  period_name,
  period,
  visit_count,
  visit_count_previous,
  growth(visit_count, visit_count_previous) AS visit_period_on_period_rate,
  visit_count_last_year,
  growth(visit_count, visit_count_last_year) AS visit_year_on_year_rate,
  issue_count,
  issue_count_previous,
  growth(issue_count, issue_count_previous) AS issue_period_on_period_rate,
  issue_count_last_year,
  growth(issue_count, issue_count_last_year) AS issue_year_on_year_rate
FROM counted
ORDER BY period_sort

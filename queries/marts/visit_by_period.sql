-- Visits of each period's window, and those that found something.
SELECT
  p.period_kind,
  p.period_sort,
  p.period_name,
  p.period_window,
  p.window_sort,
  p.period,
  p.whole_month,
  count(v.visit_id) AS visit_count,
  count(v.visit_id) FILTER (WHERE v.issue_flag) AS issue_count
FROM report_period AS p
LEFT JOIN stg_visits AS v ON v.visited_at >= p.start_at AND v.visited_at < p.end_at
GROUP BY p.period_kind, p.period_sort, p.period_name, p.period_window, p.window_sort, p.period, p.whole_month
ORDER BY p.period_sort, p.window_sort

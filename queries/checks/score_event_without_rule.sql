-- An event of the year that no rule of the unit's kind asks for moves no score.
SELECT e.event_id, e.department, e.event_date, e.item
FROM stg_score_events AS e
INNER JOIN report_period AS p
  ON p.period_kind = 'year' AND p.period_window = 'current' AND e.event_date BETWEEN p.start_date AND p.end_date
LEFT JOIN stg_departments AS d ON d.department = e.department
LEFT ANTI JOIN (
  SELECT kind, measure FROM score_rule_by_period WHERE period_kind = 'year' AND period_window = 'current'
) AS r ON r.kind = d.kind AND r.measure = e.item
ORDER BY e.event_id

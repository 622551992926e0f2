-- One figure, one value: the month and the year of the bulletins are those of 吹哨办理情况表 and of the brief, the late tasks
-- in their list are as many as the figure says, and contributions add up to the change they explain.
WITH units AS (
  SELECT * FROM whistle_by_department_period WHERE period_window = 'current' AND row_level = 'unit'
),
compared AS (
  SELECT 'whistle_by_department' AS other, concat('month/', u.department) AS place, u.new_count AS ours, d.new_count_month AS theirs
  FROM units AS u INNER JOIN whistle_by_department AS d ON d.row_level = 'unit' AND d.department = u.department
  WHERE u.period_kind = 'month'
  UNION ALL
  SELECT 'whistle_by_department', concat('month/', u.department), u.due_count, d.due_count_month
  FROM units AS u INNER JOIN whistle_by_department AS d ON d.row_level = 'unit' AND d.department = u.department
  WHERE u.period_kind = 'month'
  UNION ALL
  SELECT 'whistle_by_department', concat('month/', u.department), u.due_on_time_count, d.due_on_time_count_month
  FROM units AS u INNER JOIN whistle_by_department AS d ON d.row_level = 'unit' AND d.department = u.department
  WHERE u.period_kind = 'month'
  UNION ALL
  SELECT 'whistle_by_department', concat('year/', u.department), u.due_on_time_count, d.due_on_time_count_year
  FROM units AS u INNER JOIN whistle_by_department AS d ON d.row_level = 'unit' AND d.department = u.department
  WHERE u.period_kind = 'year'
  UNION ALL
  SELECT 'whistle_by_department', concat('year/', u.department), u.response_in_time_count, d.response_in_time_count_year
  FROM units AS u INNER JOIN whistle_by_department AS d ON d.row_level = 'unit' AND d.department = u.department
  WHERE u.period_kind = 'year'
  UNION ALL
  SELECT 'whistle_by_department', concat('year/', u.department), u.arrival_in_time_count, d.arrival_in_time_count_year
  FROM units AS u INNER JOIN whistle_by_department AS d ON d.row_level = 'unit' AND d.department = u.department
  WHERE u.period_kind = 'year'
  UNION ALL
  SELECT 'whistle_by_department', concat('open/', u.department), u.open_count, d.open_count
  FROM units AS u INNER JOIN whistle_by_department AS d ON d.row_level = 'unit' AND d.department = u.department
  WHERE u.period_kind = 'week'
  UNION ALL
  SELECT 'whistle_by_level', concat('month/', p.level), p.reported_count, l.reported_count_month
  FROM whistle_period_headline AS p INNER JOIN whistle_by_level AS l ON l.level = p.level
  WHERE p.period_kind = 'month'
  UNION ALL
  SELECT 'whistle_by_level', concat('month/', p.level), p.due_on_time_count, l.due_on_time_count_month
  FROM whistle_period_headline AS p INNER JOIN whistle_by_level AS l ON l.level = p.level
  WHERE p.period_kind = 'month'
  UNION ALL
  SELECT 'whistle_by_level', concat('year/', p.level), p.closed_count, l.closed_count_year
  FROM whistle_period_headline AS p INNER JOIN whistle_by_level AS l ON l.level = p.level
  WHERE p.period_kind = 'year'
  UNION ALL
  SELECT 'whistle_late_by_period', concat(t.period_kind, '/', t.department), t.due_late_count, coalesce(l.late_count, 0)
  FROM units AS t
  LEFT JOIN (
    SELECT period_kind, department, count(*) AS late_count FROM whistle_late_by_period GROUP BY period_kind, department
  ) AS l ON l.period_kind = t.period_kind AND l.department = t.department
  UNION ALL
  SELECT 'district_headline', 'month', p.due_count_previous, h.due_count_last_month
  FROM whistle_period_headline AS p CROSS JOIN district_headline AS h
  WHERE p.period_kind = 'month' AND p.level = '合计'
)
SELECT other, place, ours, theirs
FROM compared
WHERE ours <> theirs

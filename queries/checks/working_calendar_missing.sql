-- Dates that the whistle clock counts by, in years whose days off have not landed: holidays count as working days there,
-- make-up weekends do not.
WITH days AS (
  SELECT as_of_date() AS day
  UNION ALL
  SELECT reported_date AS day FROM stg_whistles
  UNION ALL
  SELECT CAST(due_at AS DATE) AS day FROM stg_whistles
  UNION ALL
  SELECT CAST(arrival_due_at AS DATE) AS day FROM whistle_task_clock
)
SELECT CAST(date_part('year', day) AS INT) AS year, count(*) AS date_count, min(day) AS first_date, max(day) AS last_date
FROM days
WHERE NOT is_calendar_loaded(day)
GROUP BY CAST(date_part('year', day) AS INT)
ORDER BY year

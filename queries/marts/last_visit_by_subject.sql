-- The last visit to each resident, dwelling and shop, and the last one that found something.
SELECT
  subject_kind,
  subject_id,
  max(visited_date) AS last_visit_date,
  max(CASE WHEN issue_flag THEN visited_date END) AS last_issue_date
FROM stg_visits
GROUP BY subject_kind, subject_id

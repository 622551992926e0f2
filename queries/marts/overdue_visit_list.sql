-- One row per person, however many groups the person is in; overdue as soon as it is for one of them.
-- Sensitive groups are already left out of special_group_list. Names, addresses and phones stay in the ledger
-- of those on duty, where resident_id finds them.
SELECT
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  grid_code,
  grid_name,
  resident_id,
  sex,
  age,
  string_agg(tag, '、' ORDER BY code_sort('重点人群', tag), tag) AS tags,
  grid_worker,
  min(visit_cycle_days) AS visit_cycle_days,
  last_visit_date,
  min(CASE WHEN is_visit_overdue THEN visit_due_date END) AS visit_due_date,
  as_of_date() - min(CASE WHEN is_visit_overdue THEN visit_due_date END) AS days_overdue,
  last_visit_date IS NULL AS is_never_visited
FROM special_group_list
GROUP BY
  subdistrict_code,
  subdistrict_name,
  community_code,
  community_name,
  grid_code,
  grid_name,
  resident_id,
  sex,
  age,
  grid_worker,
  last_visit_date
HAVING bool_or(is_visit_overdue)
ORDER BY grid_code, days_overdue DESC NULLS LAST, resident_id
